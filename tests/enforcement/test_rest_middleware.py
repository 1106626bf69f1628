"""A house with a Hue bridge and two Shellys, whose services live, are learnt, and are held to what they usually do."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.tokens import hash_of
from tests.enforcement.conftest import isolated
from tests.network.namespaces import Host, Topology
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import GatewayProcess, Settings, gateway_settings
from tests.site.hue_bridge import HueBridge
from tests.site.rest_device import RestDevices
from tests.site.shelly_gen1 import ShellyGen1
from tests.site.shelly_gen2 import ShellyGen2

__all__ = ["isolated"]

MAPPINGS = Path(__file__).resolve().parents[2] / "config" / "decoders"
PORT = 80
HUE, PLUG, HEATER = "10.77.2.11", "10.77.2.12", "10.77.2.13"
TABLET_TOKEN = "83b7780291a6ceffbe0bd049104df0f1"
SOMEBODYS_TOKEN = "1028d66426293e821ecfd9ef1a0731df"
PASSWORD = "thebigone"
BASIC = "Basic YWRtaW46dGhlYmlnb25l"
TABLET, METER, STRANGER = 0, 1, 2
"""Places of callers in the services' network."""
MINUTES_A_SECOND = 600.0
LEARNT_SECONDS = 8.0
MOST_OF_A_FLOOD = 1500
ENOUGH_OF_A_FLOOD = 30
ENFORCE: Settings = {"mode": "enforce", "thresholds": {"alert": 4, "block": 7, "quarantine": None}}
JSON = {"content-type": "application/json"}


@dataclass
class Answer:
    """What a caller got."""

    status: int
    headers: dict[str, str]
    body: bytes


class House:
    """The devices, the gateway in front of them, and who calls."""

    def __init__(self, topology: Topology, directory: Path) -> None:
        """Put the parts together; nothing serves yet."""
        self.topology = topology
        self.gateway = GatewayProcess(directory / "gateway", topology.gateway, scale=MINUTES_A_SECOND)
        self.hue = HueBridge(TABLET_TOKEN)
        self.hue.whitelist[SOMEBODYS_TOKEN] = "app#phone"
        self.plug = ShellyGen1(PASSWORD)
        self.heater = ShellyGen2()
        topology.access.add_addresses("eth0", [f"{HEATER}/24"])
        self.devices = RestDevices(
            [
                (self.hue, topology.access.listen(HUE, PORT)),
                (self.plug, topology.access.listen(PLUG, PORT)),
                (self.heater, topology.access.listen(HEATER, PORT)),
            ]
        )
        self._configure(SiteAuthority(directory))

    def _configure(self, authority: SiteAuthority) -> None:
        settings = gateway_settings(authority, self.gateway.state, tls="plain")
        del settings["tls"]
        del settings["listen"]["ipv6"]
        settings["access_points"] = [
            {
                "agent": name,
                "ipv4": address,
                "port": PORT,
                "listen_port": 9101 + number,
                "tls": "plain",
                "decoder": {"mapping": str(MAPPINGS / mapping)},
            }
            for number, (name, address, mapping) in enumerate(
                [
                    ("hue", HUE, "hue-v1.yaml"),
                    ("plug", PLUG, "shelly-gen1.yaml"),
                    ("heater", HEATER, "shelly-gen2.yaml"),
                ]
            )
        ]
        tablet = {"address": "/house/wall-tablet", "service_type": "/panel", "tokens": [hash_of(TABLET_TOKEN)]}
        meter = {"address": "/house/meter-reader", "service_type": "/meterReader"}
        services = [
            tablet | {"ip": self.topology.service_ipv4(TABLET)},
            meter | {"ip": self.topology.service_ipv4(METER)},
        ]
        self.gateway.write(settings, {"mode": "learn"}, {"services": services})

    def ask(
        self,
        caller: int,
        address: str,
        method: str,
        target: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request of a caller; `caller` -1 is on the devices' side of the gateway."""
        host: Host = self.topology.access if caller < 0 else self.topology.lan
        source = None if caller < 0 else self.topology.service_ipv4(caller)
        with host.connect(address, PORT, source=source, timeout=5.0) as connection:
            lines = [f"{method} {target} HTTP/1.1", f"Host: {address}"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            if body is not None:
                lines.append(f"Content-Length: {len(body)}")
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + (body or "")).encode())
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def minute(self) -> list[Answer]:
        """Let everybody do what they always do."""
        light = f"/api/{TABLET_TOKEN}/lights/1/state"
        frame = json.dumps({"id": 1, "src": "tablet", "method": "Switch.Set", "params": {"id": 0, "on": True}})
        return [
            self.ask(TABLET, HUE, "GET", f"/api/{TABLET_TOKEN}/lights"),
            self.ask(TABLET, HUE, "PUT", light, '{"on":true,"bri":144}', JSON),
            self.ask(TABLET, HUE, "PUT", f"/api/{TABLET_TOKEN}/groups/2/action", '{"on":false}', JSON),
            self.ask(TABLET, PLUG, "GET", "/relay/0?turn=on&timer=30", None, {"authorization": BASIC}),
            self.ask(TABLET, HEATER, "POST", "/rpc", frame, JSON),
            self.ask(METER, PLUG, "GET", "/status", None, {"authorization": BASIC}),
            self.ask(METER, PLUG, "GET", "/meter/0", None, {"authorization": BASIC}),
            self.ask(METER, HEATER, "GET", "/rpc/Switch.GetStatus?id=0"),
        ]

    def wait_until_called(self) -> None:
        """Wait until calls are taken: the first is not to be refused because the listeners are not open yet."""

        def taken() -> bool:
            try:
                self.ask(TABLET, HUE, "GET", "/api/config")
            except OSError:
                return False
            return True

        self.gateway.wait_for(taken)

    def reached(self) -> int:
        """Return how many requests have reached devices."""
        return len(self.hue.calls) + len(self.plug.calls) + len(self.heater.calls)

    def strengths(self) -> set[tuple[str, str]]:
        """Return who has called, and how strong the evidence for that was."""
        return {(v["sender"]["address"], v["sender"]["strength"]) for v in self.gateway.verdicts()}

    def reasons(self) -> list[str]:
        """Return why calls were refused, oldest first."""
        return [verdict["reason"] for verdict in self.gateway.verdicts() if verdict["action"] != "forward"]


@pytest.fixture
def house(isolated: None, tmp_path: Path) -> Iterator[House]:
    """A house whose services have lived for an hour and a half, from now on enforced."""
    with Topology() as topology:
        made = House(topology, tmp_path)
        with made.devices:
            made.gateway.start()
            made.wait_until_called()
            deadline = time.monotonic() + LEARNT_SECONDS
            while time.monotonic() < deadline:
                assert {answer.status for answer in made.minute()} == {200}
                time.sleep(0.2)
            made.gateway.replace_policy(ENFORCE)
            yield made
            if made.gateway.process is not None:
                made.gateway.kill()


def refused(house: House, ask: Callable[[], Answer]) -> tuple[Answer, str]:
    """Return what a caller is told and why; nothing of the call reached a device."""
    before, known = house.reached(), len(house.reasons())
    answer = ask()
    house.gateway.wait_for(lambda: len(house.reasons()) > known)
    assert house.reached() == before
    assert answer.status == 403
    assert "alleyes-reference" in answer.headers
    return answer, house.reasons()[-1]


def without_date(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Return an answer, but for what differs from second to second."""
    return answer.status, {k: v for k, v in answer.headers.items() if k != "date"}, answer.body


def test_a_house_is_learnt_and_held_to_it(house: House) -> None:
    _usual_calls_pass_as_they_are(house)
    _an_unusual_caller_writes(house)
    _values_out_of_their_range_and_unknown_paths(house)
    _what_gives_a_device_away(house)
    _a_flood(house)
    assert house.gateway.stop() == 0
    _no_credential_is_written_down(house)


def _usual_calls_pass_as_they_are(house: House) -> None:
    assert {answer.status for answer in house.minute()} == {200}
    known = {("/house/wall-tablet", "api-token"), ("/house/meter-reader", "ip")}
    house.gateway.wait_for(lambda: known <= house.strengths())
    basic = {"authorization": BASIC}
    for address, target, headers in (
        (HUE, f"/api/{TABLET_TOKEN}/lights", {}),
        (PLUG, "/relay/0?turn=on&timer=30", basic),
    ):
        through = house.ask(TABLET, address, "GET", target, None, headers)
        directly = house.ask(-1, address, "GET", target, None, headers)
        assert without_date(through) == without_date(directly)
        calls = (house.hue if address == HUE else house.plug).calls
        assert [(c.method, c.target, c.body) for c in calls[-2:-1]] == [
            (c.method, c.target, c.body) for c in calls[-1:]
        ]
    put = next(call for call in reversed(house.hue.calls) if call.target.endswith("/state"))
    assert json.loads(put.body) == {"on": True, "bri": 144}


def _an_unusual_caller_writes(house: House) -> None:
    light = f"/api/{SOMEBODYS_TOKEN}/lights/1/state"
    answer, reason = refused(house, lambda: house.ask(METER, HUE, "PUT", light, '{"on":false}', JSON))
    assert reason == "anomalous"
    (error,) = json.loads(answer.body)
    assert error["error"]["type"] == 4
    switch = "/relay/0?turn=off"
    answer, reason = refused(house, lambda: house.ask(METER, PLUG, "GET", switch, None, {"authorization": BASIC}))
    assert (reason, answer.headers["content-type"].partition(";")[0]) == ("anomalous", "text/plain")
    assert house.plug.relays[0]["ison"] is True
    answer, reason = refused(house, lambda: house.ask(METER, HEATER, "GET", "/rpc/Switch.Set?id=0&on=false"))
    assert (reason, json.loads(answer.body)["code"]) == ("anomalous", 403)
    assert house.heater.switches[0]["output"] is True
    _, reason = refused(house, lambda: house.ask(STRANGER, HEATER, "GET", "/rpc/Switch.GetStatus?id=0"))
    assert reason == "unknown-sender"


def _values_out_of_their_range_and_unknown_paths(house: House) -> None:
    light = f"/api/{TABLET_TOKEN}/lights/1/state"
    _, reason = refused(house, lambda: house.ask(TABLET, HUE, "PUT", light, '{"on":true,"bri":300}', JSON))
    assert reason == "out-of-range"
    _, reason = refused(house, lambda: house.ask(TABLET, HUE, "PUT", light, '{"on":true,"reboot":1}', JSON))
    assert reason == "unknown-node"
    _, reason = refused(house, lambda: house.ask(TABLET, HUE, "GET", "/clip/v2/resource/light"))
    assert reason == "unknown-node"
    _, reason = refused(house, lambda: house.ask(TABLET, HEATER, "GET", "/rpc/OTA.Start"))
    assert reason == "unknown-node"


def _what_gives_a_device_away(house: House) -> None:
    basic = {"authorization": BASIC}
    everything: list[tuple[str, str, str, str | None, dict[str, str], str]] = [
        (HUE, "POST", "/api", '{"devicetype":"app#x"}', JSON, "anomalous"),
        (HUE, "DELETE", f"/api/{TABLET_TOKEN}/config/whitelist/{SOMEBODYS_TOKEN}", None, {}, "anomalous"),
        (HUE, "PUT", f"/api/{TABLET_TOKEN}/groups/00/action", '{"on":false}', JSON, "unknown-node"),
        (PLUG, "GET", "/ota?url=http://203.0.113.9/firmware.zip", None, basic, "anomalous"),
        (PLUG, "GET", "/settings?reset=1", None, basic, "unknown-node"),
        (PLUG, "GET", "/settings?mqtt_pass=evil", None, basic, "unknown-node"),
        (HEATER, "POST", "/rpc/Script.PutCode", '{"id":1,"code":"print(1)"}', JSON, "anomalous"),
        (HEATER, "POST", "/rpc", '{"id":1,"method":"Shelly.FactoryReset"}', JSON, "anomalous"),
    ]
    for address, method, target, body, headers, why in everything:
        _, reason = refused(
            house,
            lambda a=address, m=method, t=target, b=body, h=headers: house.ask(TABLET, a, m, t, b, h),  # type: ignore[misc]
        )
        assert reason == why, target
    assert (house.plug.resets, house.plug.updates, house.heater.resets, house.heater.scripts) == (0, [], 0, {})
    assert SOMEBODYS_TOKEN in house.hue.whitelist


def _a_flood(house: House) -> None:
    refusals = 0
    for _ in range(MOST_OF_A_FLOOD):
        refusals += house.ask(METER, HEATER, "GET", "/rpc/Switch.GetStatus?id=0").status == 403
        if refusals == ENOUGH_OF_A_FLOOD:
            break
    assert refusals == ENOUGH_OF_A_FLOOD
    assert house.reasons()[-1] == "anomalous"
    assert house.ask(TABLET, HUE, "GET", f"/api/{TABLET_TOKEN}/lights").status == 200


def _no_credential_is_written_down(house: House) -> None:
    written: list[Any] = [path for path in house.gateway.directory.rglob("*") if path.is_file()]
    assert any(path.name == "journal.jsonl" for path in written)
    for path in written:
        content = path.read_bytes()
        for secret in (TABLET_TOKEN, SOMEBODYS_TOKEN, BASIC.partition(" ")[2], PASSWORD):
            assert secret.encode() not in content, path
