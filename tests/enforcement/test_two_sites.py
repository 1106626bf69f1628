"""Two gateways and a federation service: what one has learnt protects the other, also while the service is away."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from models.simulation.scenario import START
from models.simulation.service_models import (
    DOOR_LOCK,
    LIGHT_CONTROLLER,
    MOVEMENT_SENSOR,
    THERMOSTAT,
)
from models.simulation.sites import make_sites
from proxy.federation.client.state import FederationStatus
from proxy.health import HealthFile
from tests.enforcement.conftest import Bench
from tests.network.namespaces import Topology
from tests.network.wide_area import WideArea
from tests.site.access_points import AccessPoints
from tests.site.certificates import SiteAuthority
from tests.site.clock import Clock
from tests.site.elsewhere import learnt
from tests.site.federation_ledger import Ledger, at_the_service, told
from tests.site.federation_process import ALLEYES, FederationProcess
from tests.site.gateway_process import GatewayProcess, Settings
from tests.waiting import eventually

SCALE = 30.0
HISTORY = 2 * 3_600_000
"""Milliseconds of event time for which the first site has been watched."""
ENFORCE: Settings = {"mode": "enforce", "thresholds": {"quarantine": None}}
"""Nobody is shut out, so that everybody can be asked again."""


class Site:
    """A gateway in the federation, with one service of each of a few types."""

    def __init__(self, name: str, stack: ExitStack, directory: Path, clock: Clock, wide: WideArea) -> None:
        self.name = name
        topology = stack.enter_context(Topology())
        authority = SiteAuthority(directory)
        points = stack.enter_context(AccessPoints(topology, [authority.agent("agent1"), authority.agent("agent2")]))
        self.bench = Bench(topology, directory, authority, points)
        self.bench.gateway = GatewayProcess(
            directory / "gateway", topology.gateway, SCALE, start_time=clock.start, since=clock.began
        )
        stack.callback(self.close)
        wide.join(topology)

    def enrol(self, service: FederationProcess, models: bytes | None = None) -> None:
        """Configure a gateway in mode enforce, with models that it has learnt, and enrol it."""
        settings = self.bench.settings
        settings["interfaces"]["access_points"].append(WideArea.UPLINK)
        self.bench.configure(ENFORCE, settings | {"federation": {"service": service.url}})
        state = self.bench.gateway.state
        state.mkdir(mode=0o700)
        if models is not None:
            (state / "models.bin").write_bytes(models)
        self.run("federation", "enroll", "--service", service.url, typed=service.invite(self.name))

    def run(self, *arguments: str, typed: str = "") -> str:
        argv = [ALLEYES, *arguments, "--config", str(self.bench.gateway.config)]
        return self.bench.topology.gateway.run(argv, input=f"{typed}\n", start_new_session=True).stdout

    def status(self) -> FederationStatus:
        found = HealthFile(self.bench.gateway.state).read(time.time()).federation
        assert found is not None
        return found

    def service(self, name: str, model: str, index: int) -> Callable[..., int]:
        """Register a service; return what makes a call of it, and returns the status."""

        def ask(*call: Any) -> int:
            with self.bench.service(name, index=index) as service:
                return service.ask(*call)[0]

        with self.bench.service(name, index=index) as service:
            assert service.register(model) == 200
        return ask

    def close(self) -> None:
        if self.bench.gateway.process is not None:
            self.bench.gateway.kill()


@pytest.fixture
def sites(isolated: None, tmp_path: Path) -> Iterator[tuple[Site, Site, FederationProcess]]:
    """Two gateways that are about to take part in a federation, whose service runs."""
    clock = Clock(SCALE, start=START + HISTORY)
    with ExitStack() as stack:
        wide = stack.enter_context(WideArea())
        service = FederationProcess(tmp_path / "service", wide.service, WideArea.SERVICE_IPV4, clock)
        service.write(limits={"requests_per_second": 1000})
        service.start()
        stack.callback(lambda: service.kill() if service.process is not None else None)
        yield Site("a", stack, tmp_path / "a", clock, wide), Site("b", stack, tmp_path / "b", clock, wide), service


def test_what_one_site_knows_protects_the_other(sites: tuple[Site, Site, FederationProcess]) -> None:
    first, second, service = sites
    models = learnt(make_sites(1, 1)[0], seed=1, start=START, end=START + HISTORY).dump()
    heating_off = ("PUT", "/vsl/agent1/heating1", {"value": "0"})
    look, new_look = ("GET", "/vsl/agent1/movement1/movement"), ("GET", "/vsl/agent1/doorlock1/open")

    with ThreadPoolExecutor() as at_once:
        list(at_once.map(lambda site: site.enrol(service, models if site is first else None), (first, second)))

    # Alone, the second one knows nothing, and so finds nothing unusual.
    second.bench.gateway.start()
    lock, light = second.service("doorlock1", DOOR_LOCK, 0), second.service("lightcontrol1", LIGHT_CONTROLLER, 1)
    second.service("heating1", THERMOSTAT, 2)
    second.service("movement1", MOVEMENT_SENSOR, 3)
    assert lock("PUT", "/vsl/agent1/lightcontrol1/lightOn", {"value": "1"}) == 204

    # What the first one brings along is in force there within seconds.
    first.bench.gateway.start()
    eventually(lambda: {DOOR_LOCK, LIGHT_CONTROLLER} <= told(second.bench.gateway.state).keys())
    assert lock(*heating_off) == 403
    assert light(*look) == 200

    # A software update: one light controller here and a third of them there do what none of them has ever done.
    lights = [first.service(f"lightcontrol{number}", LIGHT_CONTROLLER, number) for number in (1, 2, 3)]
    first.service("doorlock1", DOOR_LOCK, 0)
    first.service("movement1", MOVEMENT_SENSOR, 4)
    shown = [each(*new_look) for each in (light, *lights)]
    assert shown == [403, 403, 403, 403]
    eventually(lambda: all(site.status().acceptances == 1 for site in (first, second)))
    assert [each(*new_look) for each in (light, *lights)] == [200, 200, 200, 200]

    # Without the service both go on, and say how long it has been away.
    service.kill()
    assert lock(*heating_off) == 403
    assert light(*look) == lights[0](*look) == 200
    eventually(lambda: all(site.status().troubles for site in (first, second)))
    lines = [line for line in first.run("status").splitlines() if line.startswith("federation")]
    assert re.search(r"confirmed \d+[sm] ago", lines[0])
    assert any("attempts" in line for line in lines[1:])

    # When it is back, everything that was learnt is everywhere, once.
    before = at_the_service(service.database)
    service.start()
    states = {site.name: (site.name, site.bench.gateway.state) for site in (first, second)}
    eventually(lambda: all(at_the_service(service.database)[each] != body for each, body in before.items()))
    together = Ledger(service.database, states)
    eventually(together.agreed)
    assert {each.service_type for each in together.look()} >= {DOOR_LOCK, LIGHT_CONTROLLER}
