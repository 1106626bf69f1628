"""A site of throw-away hosts with the real gateway in front of two Knowledge Agent emulators."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.enforcement.raw_service import PATIENCE, RawService
from tests.network.fixtures import isolated
from tests.network.namespaces import Topology
from tests.site.access_points import AccessPoints
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import GatewayProcess, Settings, gateway_settings
from tests.waiting import eventually

__all__ = ["isolated"]

LEARN: Settings = {"mode": "learn"}
DENY_EVERYTHING: Settings = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": None}}


class Bench:
    """Hosts, certificates, access points and a gateway that a test starts as it wants it."""

    def __init__(self, topology: Topology, directory: Path, authority: SiteAuthority, points: AccessPoints) -> None:
        """Put the parts together."""
        self.topology = topology
        self.directory = directory
        self.authority = authority
        self.points = points
        self.gateway = GatewayProcess(directory / "gateway", topology.gateway)

    @property
    def settings(self) -> Settings:
        """Return gateway.yaml for this bench."""
        return gateway_settings(self.authority, self.gateway.state)

    def configure(self, policy: Settings, gateway: Settings | None = None, inventory: Settings | None = None) -> None:
        """Write the gateway's configuration."""
        self.gateway.write(gateway or self.settings, policy, inventory)

    def wait_for_types(self) -> None:
        """Wait until the gateway has read the structure of both access points, so that it is quiet from now on."""
        self.gateway.wait_for(
            lambda: all(any("requestKorUpdate" in c.target for c in tuple(a.calls)) for a in self.points.agents)
        )

    def service(
        self, name: str, *, ipv6: bool = False, agent: int = 0, index: int = 0, patience: float = PATIENCE
    ) -> RawService:
        """Return a service with a certificate of the site."""
        context = self.authority.service(name).client_context()
        return self.connect(context, ipv6=ipv6, agent=agent, index=index, patience=patience)

    def connect(
        self,
        context: ssl.SSLContext | None,
        *,
        ipv6: bool = False,
        agent: int = 0,
        index: int = 0,
        patience: float = PATIENCE,
    ) -> RawService:
        """Return a connection of a service to an access point; `context` None speaks plain."""
        address = (Topology.ACCESS_IPV6 if ipv6 else Topology.ACCESS_IPV4)[agent]
        source = self.topology.service_ipv6(index) if ipv6 else self.topology.service_ipv4(index)
        return RawService(self.topology.lan, address, source, context, patience=patience)

    def reached(self) -> int:
        """Return how many bytes have reached the access points, but for those of the gateway that reads structures.

        It may do so at any time: because of a call to a node that it does not know.
        """
        deadline = time.monotonic() + 5
        while any(agent.unasked for agent in self.points.agents) and time.monotonic() < deadline:
            time.sleep(0.01)
        return sum(agent.bytes_received for agent in self.points.agents)

    def reached_in_the_end(self) -> int:
        """Return the same once the gateway is gone, and all that it said to the access points has been read.

        Its connections end with it; what it sent before may be read a moment later.
        """
        eventually(lambda: not any(agent.open_connections for agent in self.points.agents))
        return self.reached()


@contextmanager
def standing(directory: Path, *, tls: bool = True) -> Iterator[Bench]:
    """Two access points behind the gateway's host; the gateway is not started yet."""
    authority = SiteAuthority(directory)
    with Topology() as topology:
        credentials = [authority.agent(name) if tls else None for name in ("agent1", "agent2")]
        with AccessPoints(topology, credentials) as points:
            made = Bench(topology, directory, authority, points)
            yield made
            if made.gateway.process is not None:
                made.gateway.kill()


@pytest.fixture
def bench(isolated: None, tmp_path: Path) -> Iterator[Bench]:
    """A bench of one test."""
    with standing(tmp_path) as made:
        yield made


@pytest.fixture
def plain_bench(isolated: None, tmp_path: Path) -> Iterator[Bench]:
    """The same where nobody speaks TLS."""
    with standing(tmp_path, tls=False) as made:
        yield made


@pytest.fixture(scope="module")
def learning(isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A gateway that learns, for all tests of a file that leave nothing behind which another one would notice."""
    with standing(tmp_path_factory.mktemp("learning")) as made:
        made.configure(LEARN)
        made.gateway.start()
        made.wait_for_types()
        yield made
