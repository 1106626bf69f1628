"""Devices that are called by HTTPS: who calls is told from certificates and tokens, and nothing goes to an impostor."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from proxy.tokens import hash_of
from tests.enforcement.conftest import LEARN, isolated
from tests.network.namespaces import Topology
from tests.site.certificates import Credentials, SiteAuthority, fingerprint
from tests.site.gateway_process import GatewayProcess, gateway_settings
from tests.site.hue_bridge import HueBridge
from tests.site.rest_device import RestDevice, RestDevices, answer_json
from tests.site.shelly_gen2 import ShellyGen2
from tests.waiting import PATIENCE

__all__ = ["isolated"]

MAPPINGS = Path(__file__).resolve().parents[2] / "config" / "decoders"
PORT = 443
HUE, HEATER, SWAPPED, LAMP = "10.77.2.11", "10.77.2.12", "10.77.2.13", "10.77.2.14"
TOKEN = "83b7780291a6ceffbe0bd049104df0f1"
LIGHTS = f"/api/{TOKEN}/lights"
TABLET, PHONE, METER = 0, 1, 2
"""Places of callers in the services' network."""


class Lamp(RestDevice):
    """A Thing that describes itself, by HTTPS."""

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        if request.path != "/lamp":
            return answer_json(True)
        form = {"href": "/lamp/on", "contentType": "application/json"}
        described = {"title": "Lamp", "@type": "Light", "base": "https://lamp.house/"}
        return answer_json({**described, "properties": {"on": {"type": "boolean", "readOnly": True, "forms": [form]}}})


def _serving(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.certificate, credentials.key)
    return context


class House:
    """Four devices, three authorities, and the gateway between the devices and who calls them."""

    def __init__(self, topology: Topology, directory: Path) -> None:
        self.topology = topology
        self.gateway = GatewayProcess(directory / "gateway", topology.gateway)
        self.makers = SiteAuthority(directory, name="maker-ca")
        self.clients = SiteAuthority(directory, name="client-ca")
        self.strangers = SiteAuthority(directory, name="stranger-ca")
        self.own = self.makers.server("10.77.2.11", HEATER, SWAPPED, LAMP)
        self.crl = directory / "clients.crl"
        self.crl.write_bytes(self.clients.revocation_list([]))
        self.hue, self.heater, self.swapped, self.lamp = HueBridge(TOKEN), ShellyGen2(), ShellyGen2(), Lamp()
        self.asked_for: list[str | None] = []
        self.pinned, self.impostor = self.makers.device("hue"), self.makers.device("impostor")
        for device, credentials in (
            (self.hue, self.pinned),
            (self.heater, self.makers.server("heater.house")),
            (self.swapped, self.impostor),
            (self.lamp, self.makers.server("lamp.house")),
        ):
            device.tls = _serving(credentials)
        assert self.heater.tls is not None
        self.heater.tls.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)
        topology.access.add_addresses("eth0", [f"{SWAPPED}/24", f"{LAMP}/24"])
        self.devices = RestDevices(
            [
                (device, topology.access.listen(address, PORT))
                for device, address in (
                    (self.hue, HUE),
                    (self.heater, HEATER),
                    (self.swapped, SWAPPED),
                    (self.lamp, LAMP),
                )
            ]
        )
        self._configure()

    def _configure(self) -> None:
        settings = gateway_settings(self.clients, self.gateway.state)
        del settings["listen"]["ipv6"]
        pair = {"certificate": str(self.own.certificate), "key": str(self.own.key)}
        settings["tls"] = {"towards_services": pair, "crl": [str(self.crl)]}
        client_ca = str(self.clients.certificate)
        ca = str(self.makers.certificate)
        settings["access_points"] = [
            {"agent": agent, "ipv4": address, "port": PORT, "listen_port": port, "tls": "server", **told}
            | {"towards_services": {"client_ca": client_ca}}
            for agent, address, port, told in [
                ("hue", HUE, 9101, self._device("hue-v1", fingerprint=fingerprint(self.pinned))),
                ("heater", HEATER, 9102, self._device("shelly-gen2", ca=ca, name="heater.house")),
                ("swapped", SWAPPED, 9103, self._device("shelly-gen2", fingerprint=fingerprint(self.own))),
                (
                    "lamp",
                    LAMP,
                    9104,
                    {
                        "decoder": {"things": ["https://lamp.house/lamp"]},
                        "towards_access_point": {"ca": ca, "name": "lamp.house"},
                    },
                ),
            ]
        ]
        tablet = {"address": "/house/tablet", "service_type": "/panel", "tokens": [hash_of(TOKEN)]}
        meter = {"address": "/house/meter", "service_type": "/meterReader"}
        inventory = {
            "services": [
                tablet | {"certificates": [{"name": "tablet.house", "ca": client_ca}]},
                meter | {"certificates": [{"name": "meter", "ca": client_ca}]},
            ]
        }
        self.gateway.write(settings, LEARN, inventory)

    def _device(self, mapping: str, **trust: str) -> dict[str, Any]:
        return {"decoder": {"mapping": str(MAPPINGS / f"{mapping}.yaml")}, "towards_access_point": trust}

    @contextmanager
    def calling(
        self, caller: int, address: str, credentials: Credentials | None = None, name: str | None = None
    ) -> Iterator[ssl.SSLSocket]:
        """A connection of a caller that shows a certificate, or none, and verifies the gateway's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.makers.certificate)
        context.check_hostname = name is None
        if credentials is not None:
            context.load_cert_chain(credentials.certificate, credentials.key)
        source = self.topology.service_ipv4(caller)
        raw = self.topology.lan.connect(address, PORT, source=source, timeout=PATIENCE)
        with raw, context.wrap_socket(raw, server_hostname=name or address) as connection:
            yield connection


def ask(connection: ssl.SSLSocket, target: str, host: str = "whatever") -> int:
    """Send a request; return the status of the answer, 0 where the connection ended instead."""
    try:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        response = http.client.HTTPResponse(connection, method="GET")
        response.begin()
        response.read()
    except (OSError, http.client.HTTPException):
        return 0
    return response.status


@pytest.fixture
def house(isolated: None, tmp_path: Path) -> Iterator[House]:
    with Topology() as topology:
        made = House(topology, tmp_path)
        with made.devices:
            made.gateway.start()
            yield made
            if made.gateway.process is not None:
                made.gateway.kill()


def judged(house: House, number: int) -> dict[str, Any]:
    """The verdict of that number, from 0, once it is there."""
    house.gateway.wait_for(lambda: len(house.gateway.verdicts()) > number)
    return dict(house.gateway.verdicts()[number])


def test_a_house_by_https(house: House) -> None:
    _certificates_and_tokens_tell_who_calls(house)
    _who_cannot_be_verified_is_cut_off(house)
    _nothing_goes_to_an_impostor(house)
    _a_revoked_certificate_ends(house)
    assert house.gateway.stop() == 0
    for path in house.gateway.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert TOKEN.encode() not in content, path
            assert TOKEN.encode().hex().encode() not in content, path


def _certificates_and_tokens_tell_who_calls(house: House) -> None:
    tablet, meter = house.clients.client("tablet", "tablet.house"), house.clients.client("meter")
    with house.calling(TABLET, HUE, tablet) as connection:
        assert ask(connection, LIGHTS) == 200
    verdict = judged(house, 0)
    assert (verdict["sender"]["address"], verdict["sender"]["strength"]) == ("/house/tablet", "certificate")
    with house.calling(PHONE, HUE) as connection:
        assert ask(connection, LIGHTS) == 200
    verdict = judged(house, 1)
    assert (verdict["sender"]["address"], verdict["sender"]["strength"]) == ("/house/tablet", "api-token")
    with house.calling(METER, HUE, meter) as connection:
        assert ask(connection, LIGHTS) == 200
    verdict = judged(house, 2)
    assert (verdict["sender"]["address"], verdict["reason"]) == ("/house/meter", "identity-conflict")
    assert verdict["would_be"] == "block"
    # A certificate of the CA that the inventory has for nobody is a stranger's, and a token does not change that.
    with house.calling(TABLET, HUE, house.clients.client("tablet")) as connection:
        assert ask(connection, LIGHTS) == 200
    verdict = judged(house, 3)
    assert (verdict["sender"]["strength"], verdict["reason"]) == ("unknown", "identity-conflict")
    # Whatever name is asked for, the call goes where the connection was meant for, and asks for the configured name.
    with house.calling(METER, HEATER, meter, name="hue.house") as connection:
        assert ask(connection, "/rpc/Switch.GetStatus?id=0", host="hue.house") == 200
    assert house.asked_for == ["heater.house"]
    assert [call.headers["host"] for call in house.heater.calls] == ["heater.house"]
    _a_thing_that_was_fetched_by_https_is_called(house, meter)


def _a_thing_that_was_fetched_by_https_is_called(house: House, meter: Credentials) -> None:
    def is_known() -> bool:
        # What is not fetched yet is not known, or not called at all.
        with suppress(OSError), house.calling(METER, LAMP, meter) as connection:
            ask(connection, "/lamp/on")
        accesses = [access for verdict in house.gateway.verdicts() for access in verdict["accesses"]]
        return any(access["destination"] == "/lamp/lamp" for access in accesses)

    house.gateway.wait_for(is_known)
    assert {call.target for call in house.lamp.calls} == {"/lamp", "/lamp/on"}


def _who_cannot_be_verified_is_cut_off(house: House) -> None:
    reached = len(house.hue.calls)
    with suppress(OSError), house.calling(TABLET, HUE, house.strangers.client("tablet", "tablet.house")) as connection:
        assert ask(connection, LIGHTS) == 0
    source = house.topology.service_ipv4(PHONE)
    with house.topology.lan.connect(HUE, PORT, source=source, timeout=PATIENCE) as plain, suppress(OSError):
        plain.sendall(f"GET {LIGHTS} HTTP/1.1\r\nHost: {HUE}\r\n\r\n".encode())
        assert b"200" not in plain.recv(1024)
    told = _refusals(house, 2)
    assert any(house.topology.service_ipv4(TABLET) in each for each in told)
    assert any(source in each and "no TLS handshake" in each for each in told)
    assert len(house.hue.calls) == reached


def _refusals(house: House, number: int) -> list[str]:
    """What was refused in handshakes, once there are so many records of it."""

    def told() -> list[str]:
        return [str(each["sentence"]) for each in house.gateway.records() if each["kind"] == "tls-refusal"]

    house.gateway.wait_for(lambda: len(told()) >= number)
    return told()


def _nothing_goes_to_an_impostor(house: House) -> None:
    with house.calling(METER, SWAPPED) as connection:
        assert ask(connection, "/rpc/Switch.GetStatus?id=0") == 503
    told = f"it shows the certificate {fingerprint(house.impostor)}, not the configured one"
    assert any(told in each and SWAPPED in each for each in _refusals(house, 3))
    assert house.swapped.calls == []
    assert told in house.gateway.log()
    # Another one in a device's place is told from it with the next connection, however good the one before was.
    before = len(house.hue.calls)
    assert house.hue.tls is not None
    house.hue.tls.load_cert_chain(house.impostor.certificate, house.impostor.key)
    with house.calling(PHONE, HUE) as connection:
        assert ask(connection, LIGHTS) == 503
    assert len(house.hue.calls) == before


def _a_revoked_certificate_ends(house: House) -> None:
    stolen = house.clients.client("meter")
    with house.calling(METER, HEATER, stolen) as connection:
        assert ask(connection, "/rpc/Switch.GetStatus?id=0") == 200
        house.crl.write_bytes(house.clients.revocation_list([stolen.certificate]))
        with suppress(OSError):
            assert connection.recv(1) == b""
    reached = len(house.heater.calls)
    with house.calling(METER, HEATER, stolen) as connection:
        assert ask(connection, "/rpc/Switch.GetStatus?id=0") == 403
    house.gateway.wait_for(lambda: house.gateway.verdicts()[-1]["reason"] == "revoked-certificate")
    assert len(house.heater.calls) == reached
