"""How long decoding a request takes: with the VSL's decoder, and with a mapping; repeated, and with a body never seen.

Services repeat themselves, and decoders remember what small requests mean; a body that was never seen is what costs.
The medians of several rounds are printed with their spread, since rounds share the machine with whatever else runs on
it, and what is compared takes turns within a round.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from policy.verdict import Sender, Strength
from proxy.configuration import InventoryDocument
from proxy.decoders.base import Decoder, Request
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.loading import load_mapping
from proxy.decoders.vsl import VslDecoder
from proxy.registry import AgentStructure, SiteRegistry

ROUNDS = 7
CALLS = 1_000
"""Of each kind in a round."""
MAPPING = Path(__file__).resolve().parents[1] / "config" / "decoders" / "hue-v1.yaml"
_AGENT, _AUTHORITY, _MOST = "agent1", "192.0.2.2:8081", 8
_LIGHT = "/agent1/light1"
_HEADERS = (("host", _AUTHORITY), ("accept", "application/json"), ("content-type", "application/json"))
_SENDER = Sender(address="/agent1/panel1", service_type="/panel", strength=Strength.IP, ip="192.0.2.9")


class Figures(msgspec.Struct, frozen=True):
    """How long a request took, in microseconds."""

    vsl_repeated: float
    vsl_new: float
    mapping_repeated: float
    mapping_new: float


def registry() -> SiteRegistry:
    """Return a registry that knows a light of an agent."""
    made = SiteRegistry(InventoryDocument(), frozenset({_AGENT}))
    types = {_LIGHT: "/light", f"{_LIGHT}/level": "/basic/number"}
    made.replace_agent(_AGENT, AgentStructure(types=types, children={_LIGHT: (f"{_LIGHT}/level",)}))
    return made


def vsl() -> Decoder:
    """Return the VSL's decoder."""
    return VslDecoder(agent=_AGENT, authority=_AUTHORITY, registry=registry(), most_accesses=_MOST)


def mapped() -> Decoder:
    """Return the decoder of a shipped mapping."""
    return RestDecoder(load_mapping(MAPPING), "hue", _AUTHORITY, registry(), _MOST)


def vsl_request(number: int) -> Request:
    """Return a request that sets one value."""
    return _put(f"/vsl{_LIGHT}/level", f'{{"value":"{number}"}}')


def mapped_request(number: int) -> Request:
    """Return the same for a Hue bridge, which has a value no larger than 65,535 there."""
    return _put("/api/83b7780291a6ceffbe0bd049104df/lights/1/state", f'{{"hue":{number % 65536}}}')


def _put(target: str, body: str) -> Request:
    return Request("PUT", target, (*_HEADERS, ("content-length", str(len(body)))), body.encode())


def median_us(decoder: Decoder, requests: Sequence[Request]) -> float:
    """Return the median of what requests take, in microseconds.

    Raises:
        RuntimeError: one is refused; a benchmark of refusals would flatter.
    """
    clock = time.perf_counter_ns
    took = []
    for request in requests:
        begun = clock()
        decoded = decoder.decode(request, _SENDER, 0, None)
        took.append(clock() - begun)
        if decoded.refusal is not None:
            raise RuntimeError(f"{request.target}: {decoded.refusal.detail}")
    return statistics.median(took) / 1000


def measure(numbers: Iterator[int], calls: int) -> Figures:
    """Return the figures of one round; `numbers` never repeat."""

    def of(make: Callable[[], Decoder], request: Callable[[int], Request]) -> tuple[float, float]:
        decoder = make()
        new = [request(number) for number in itertools.islice(numbers, calls)]
        # Copies, as requests come from the network: not one of them is the same object.
        again = [Request(r.method, r.target, r.headers, r.body) for r in itertools.repeat(new[-1], calls)]
        decoder.decode(new[-1], _SENDER, 0, None)
        return median_us(decoder, again), median_us(decoder, new[:-1])

    vsl_repeated, vsl_new = of(vsl, vsl_request)
    mapping_repeated, mapping_new = of(mapped, mapped_request)
    return Figures(vsl_repeated, vsl_new, mapping_repeated, mapping_new)


def main() -> None:
    """Print the figures."""
    numbers = itertools.count()
    rounds = [measure(numbers, CALLS) for _ in range(ROUNDS)]
    print(f"decoding: {ROUNDS} rounds of {CALLS} requests that set one value; medians in microseconds")
    for name, what in (
        ("vsl_repeated", "VSL, the same request again"),
        ("mapping_repeated", "mapping, the same request again"),
        ("vsl_new", "VSL, a body never seen"),
        ("mapping_new", "mapping, a body never seen"),
    ):
        values = [getattr(figures, name) for figures in rounds]
        print(f"  {what:<36} {statistics.median(values):8.1f}   ({min(values):.1f} to {max(values):.1f})")
    ratios = [figures.mapping_new / figures.vsl_new for figures in rounds]
    print(f"  {'mapping to VSL, a body never seen':<36} {statistics.median(ratios):8.2f}")


if __name__ == "__main__":
    main()
