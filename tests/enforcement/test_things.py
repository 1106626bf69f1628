"""Web of Things: node-wot's own consumer uses node-wot's Things through the gateway, and an attacker does not."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network.namespaces import Topology
from tests.site.gateway_process import GatewayProcess
from tests.site.house_of_things import ADDRESS, CLIMATE, PANEL, PORT, HouseOfThings
from tests.site.web_of_things import Consumer, ThingError, Things, missing

SCALE = 600.0
"""A tenth of a second is a minute."""
LEARNING_TURNS = 40
ENFORCE = {"mode": "enforce"}


class Bench:
    """Things, two services and a gateway, which has read the descriptions from the servient."""

    def __init__(self, topology: Topology, directory: Path) -> None:
        """Start the servient and the gateway."""
        self.house = HouseOfThings(topology, directory, {"panel1": PANEL, "climate1": CLIMATE})
        self.gateway = GatewayProcess(directory / "gateway", topology.gateway, scale=SCALE)
        self.things: Things = self.house.start_things()
        self.gateway.write(self.house.gateway(self.gateway.state), {"mode": "learn"}, self.house.inventory())
        self.gateway.start()

    def alleyes(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name("alleyes")
        return self.gateway.host.run([str(program), *arguments, "--config", str(self.gateway.config)], check=False)

    def refused_for(self) -> set[str]:
        """Return the reasons of refusals that the audit log has so far."""
        return {verdict["reason"] for verdict in self.gateway.verdicts() if verdict["action"] != "forward"}

    def learn(self, panel: Consumer, climate: Consumer) -> None:
        for turn in range(LEARNING_TURNS):
            for consumer, kind in ((panel, PANEL), (climate, CLIMATE)):
                for habit in kind.habits:
                    habit(consumer, turn)
            time.sleep(0.05)


@pytest.fixture
def bench(isolated: None, tmp_path: Path) -> Iterator[Bench]:
    if (reason := missing()) is not None:
        pytest.skip(reason)
    with Topology() as topology:
        made = Bench(topology, tmp_path)
        yield made
        if made.gateway.process is not None:
            made.gateway.kill()


def toggled(bench: Bench, panel: Consumer, value: bool) -> bool:
    """Switch the lamp until the consumer hears of it: between two polls a change is lost, as node-wot does it."""
    for _ in range(20):
        bench.things.say({"thing": "lamp", "name": "on", "value": value})
        with contextlib.suppress(RuntimeError):
            told = panel.wait_for(lambda message: message.get("observed") == "on" and message["value"] is value, 1.0)
            return bool(told["value"])
    raise AssertionError("the consumer heard of nothing")


def test_a_consumer_works_unchanged_is_learnt_and_an_attacker_is_refused(bench: Bench) -> None:
    panel, climate = bench.house.start("panel1"), bench.house.start("climate1")

    # What node-wot can do goes through.
    assert panel.do("read", "lamp", "on") is False
    panel.do("write", "lamp", "mood", value={"hue": 3, "scene": "dawn"})
    assert panel.do("read", "lamp", "mood") == {"hue": 3, "scene": "dawn"}
    panel.do("invoke", "lamp", "fade", value={"to": 5})
    assert climate.do("read", "weather", "history", uriVariables={"hours": 3}) == [12.5, 12.4]
    panel.do("observe", "lamp", "on")
    observed = [toggled(bench, panel, value) for value in (True, False)]
    assert observed == [True, False]
    assert ("lamp", "fade", {"to": 5}) in bench.things.changed()

    # It is learnt.
    bench.learn(panel, climate)
    status = bench.alleyes("status")
    assert "things at things: 4 known, fetched " in status.stdout
    bench.gateway.replace_policy(ENFORCE)
    for turn in range(5):
        for consumer, kind in ((panel, PANEL), (climate, CLIMATE)):
            for habit in kind.habits:
                habit(consumer, turn)
    panel.do("observe", "lamp", "on")
    assert toggled(bench, panel, value=False) is False

    # What nobody does is refused, and does not reach the Things.
    before = bench.things.changed()
    with pytest.raises(ThingError, match="Forbidden"):
        climate.do("write", "thermostat", "target", value=99)
    with pytest.raises(ThingError, match="Forbidden"):
        climate.do("write", "lamp", "brightness", value=1)
    with pytest.raises(ThingError, match="Forbidden"):
        panel.do("invoke", "front-door", "unlock")
    for target in (
        "/lamp/properties/secret",
        "/lamp/../front-door/actions/unlock",
        "/admin",
        "/lamp/properties/on?x=1",
    ):
        with bench.house.hosts["panel1"].connect(ADDRESS, PORT) as attacker:
            attacker.sendall(f"GET {target} HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n".encode())
            answer = attacker.recv(4096)
        assert answer.startswith(b"HTTP/1.1 4"), target
    assert b"application/problem+json" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 403
    assert bench.things.changed() == before
    bench.gateway.wait_for(lambda: bench.refused_for() >= {"out-of-range", "unknown-node"})

    # Everyday life goes on.
    assert panel.do("read", "lamp", "on") in {True, False}


def test_descriptions_are_kept_while_the_servient_is_down(bench: Bench) -> None:
    bench.gateway.stop()
    bench.things.end()
    bench.gateway.start()
    status = json.loads(bench.alleyes("status", "-o", "json").stdout)
    assert status["things"]["things"]["things"] == 4
    assert "refused" in status["things"]["things"]["problems"][0]
