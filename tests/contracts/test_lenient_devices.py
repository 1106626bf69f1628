"""What a device does that reads leniently is what was judged: another spelling does not get to another component."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from proxy.decoders.base import Request
from proxy.decoders.rest.examples import SENDER, decoder_for
from proxy.decoders.rest.loading import load_mapping
from tests.site.network import open_listener
from tests.site.shelly_gen2 import ShellyGen2

MAPPING = Path(__file__).parents[2] / "config" / "decoders" / "shelly-gen2.yaml"
JSON = {"content-type": "application/json"}
FIELDS = (("host", "192.0.2.2"), *JSON.items())
NUMBERS = ["0", "1", "0.0", "0.9", "1.0", "-0", "10e-1", "1e0", '"00"', '"01"', '" 1"', '"1x"', "false", "true", "null"]
WORDS = ["true", "false", '"false"', '"off"', '""', "0", "1", "0.0"]
BODIES = [
    *(f'{{"id":{number},"on":true}}' for number in NUMBERS),
    *(f'{{"id":1,"on":{word}}}' for word in WORDS),
]
QUERIES = [
    *(f"id={number}&on=true" for number in ("0", "1", "00", "01", "0.9", "1.0", "%201", "1x", "true", "-0", "%2B1")),
    *(f"id=1&on={word}" for word in ("true", "false")),
]

type Device = tuple[ShellyGen2, str]


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    emulated = ShellyGen2(lenient=True)
    listener = open_listener("127.0.0.1")
    runner = await emulated.serve(listener)
    yield emulated, f"http://127.0.0.1:{listener.getsockname()[1]}"
    await runner.cleanup()


async def test_a_switch_that_switches_is_the_one_that_was_judged(device: Device) -> None:
    emulated, url = device
    decoder = decoder_for(load_mapping(MAPPING))
    requests = [Request("POST", "/rpc/Switch.Set", FIELDS, body.encode()) for body in BODIES]
    requests += [
        Request("POST", "/rpc", FIELDS, f'{{"id":7,"method":"Switch.Set","params":{body}}}'.encode()) for body in BODIES
    ]
    requests += [Request("GET", f"/rpc/Switch.Set?{query}", FIELDS[:1], b"") for query in QUERIES]
    passed: list[Request] = []
    async with ClientSession() as client:
        for request in requests:
            decoded = decoder.decode(request, SENDER, 0, None)
            if decoded.refusal is not None:
                continue
            passed.append(request)
            for switch in emulated.switches:
                switch["output"] = None
            (access,) = decoded.accesses
            assert decoded.outbound is not None
            await client.request(
                request.method,
                URL(url + decoded.outbound.target, encoded=True),
                data=decoded.outbound.body or None,
                headers=JSON,
            )
            judged = {access.destination.rpartition("-")[2]: access.value}
            happened = {
                str(switch["id"]): "true" if switch["output"] else "false"
                for switch in emulated.switches
                if switch["output"] is not None
            }
            assert happened == judged, request
    assert 0 < len(passed) < len(requests) // 2


async def test_the_device_takes_what_is_refused(device: Device) -> None:
    """Otherwise the other test could not fail."""
    emulated, url = device
    async with ClientSession() as client:
        for body in BODIES[:4]:
            emulated.switches[int(body.startswith('{"id":1,'))]["output"] = False
            async with client.post(f"{url}/rpc/Switch.Set", data=body, headers=JSON) as response:
                assert (await response.json())["was_on"] is False, body
