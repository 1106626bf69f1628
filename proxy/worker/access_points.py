"""The access points as a worker serves them: by where they are called, each with the decoder of its middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from proxy.configuration import AccessPoint, GatewayDocument
from proxy.connections import ConnectionTable, Destination
from proxy.decoders.base import Decoder
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.loading import unpacked
from proxy.decoders.vsl import VslDecoder
from proxy.decoders.vsl_streams import AwaitedStreams
from proxy.plan import called_at
from proxy.registry import SiteRegistry

Place = tuple[str, int]
"""Network address and port that services call."""


class AccessPoints:
    """All access points. For the event loop's thread."""

    def __init__(self, document: GatewayDocument, registry: SiteRegistry, mappings: Mapping[str, bytes]) -> None:
        """Build a decoder for each place at which an access point is called.

        Args:
            document: `gateway.yaml`.
            registry: Where the decoders look up types and locations.
            mappings: By agent the mapping of each access point that is not a Knowledge Agent.
        """
        self._document = document
        self._registry = registry
        self._streams = AwaitedStreams()
        """All Knowledge Agents know of the same streams: a service has one name at all of them."""
        self._by_place: dict[Place, Destination] = {}
        for point in document.access_points:
            self._place(point, mappings.get(point.agent))

    @property
    def by_place(self) -> Mapping[Place, Destination]:
        """The access points, by every address and port at which they are called; the newest, at any time."""
        return self._by_place

    def replace(
        self, agent: str, mapping: bytes, connections: ConnectionTable, abort: Callable[[Iterable[str]], None]
    ) -> None:
        """Have calls to an access point understood by another mapping; what was let open by the one before is cut."""
        for point in self._document.access_points:
            if point.agent == agent:
                self._place(point, mapping)
        abort(connections.of_agent(agent))

    def _place(self, point: AccessPoint, mapping: bytes | None) -> None:
        """Put an access point where it is called; one whose mapping is not known yet is nowhere, and not called."""
        for address in called_at(self._document, point):
            decoder = self._decoder(point, _authority(point, address), mapping)
            if decoder is not None:
                self._by_place[address, point.port] = Destination(point=point, decoder=decoder)

    def _decoder(self, point: AccessPoint, authority: str, mapping: bytes | None) -> Decoder | None:
        most = self._document.limits.accesses_per_call
        if point.decoder == "vsl":
            return VslDecoder(point.agent, authority, self._registry, most, self._streams)
        if mapping is None:
            return None
        return RestDecoder(unpacked(mapping), point.agent, authority, self._registry, most)


def _authority(point: AccessPoint, address: str) -> str:
    """Return what Host says: the name that is asked for in the handshake, so that a server cannot take them for two."""
    side = point.towards_access_point
    if side is not None and (named := side.authority(point.port)) is not None:
        return named
    return f"[{address}]:{point.port}" if ":" in address else f"{address}:{point.port}"
