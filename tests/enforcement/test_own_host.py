"""The gateway on the machine of the access point: calls from outside and of local services are judged alike."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.raw_service import BRIEF, PATIENCE, RawService
from tests.enforcement.test_quarantine import HEALTHY, HOSTILE, JUDGED, NODE
from tests.network.namespaces import Host, Topology
from tests.network.users import SOMEBODY
from tests.site.access_points import AccessPoints
from tests.site.another_user import becoming
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import AGENT_PORT, FIRST_LISTEN_PORT, Settings
from tests.site.processes import children

OWN_IPV4, OWN_IPV6, LOOPBACK = Topology.GATEWAY_IPV4, Topology.GATEWAY_IPV6, "127.0.0.1"
OUTSIDE_IPV4, OUTSIDE_IPV6, OUTSIDE_BAD = "10.77.1.10", "fd77:1::10", "10.77.1.12"
OUTSIDE = {OUTSIDE_IPV4, OUTSIDE_IPV6, OUTSIDE_BAD}


class OwnHost(Bench):
    """An access point on the gateway's machine, which also runs services."""

    @property
    def settings(self) -> Settings:
        """Return gateway.yaml for it."""
        settings = super().settings
        del settings["interfaces"]
        settings["topology"] = "host"
        settings["access_points"] = settings["access_points"][:1]
        settings["access_points"][0] |= {"ipv4": OWN_IPV4, "ipv6": OWN_IPV6}
        return settings

    def give_to(self, user: int) -> None:
        """Have the configured gateway run as a user: whose the state directory is."""
        self.gateway.state.mkdir(parents=True)
        os.chown(self.gateway.state, user, user)
        for file in self.authority.certificate.parent.iterdir():
            file.chmod(0o644)
        holder = self.directory / "holder"
        holder.mkdir()
        self.gateway.inside = becoming(user, holder)

    def call(self, name: str, address: str, source: str, patience: float = PATIENCE) -> int:
        """Let a service read something; 0 where no answer came in time. Who has an address of the machine is on it."""
        host = self.topology.lan if source in OUTSIDE else self.topology.gateway
        context = self.authority.service(name).client_context()
        try:
            with RawService(host, address, source, context, patience=patience) as service:
                return service.ask("GET", NODE)[0]
        except OSError:
            return 0

    def register(self, host: Host, name: str, type_: str) -> None:
        """Register a service."""
        context = self.authority.service(name).client_context()
        source = "10.77.1.11" if host is self.topology.lan else OWN_IPV4
        with RawService(host, OWN_IPV4, source, context) as service:
            assert service.register(type_) == 200

    def kernel(self) -> str:
        """Return what stands in the quarantine sets."""
        names = ("quarantine4", "quarantine6", "quarantine_link4", "quarantine_link6", "quarantine_net6")
        sets = [self.topology.gateway.run(["nft", "list", "set", "inet", "alleyes", name]).stdout for name in names]
        return "".join(line for text in sets for line in text.splitlines() if "elements" in line)


@pytest.fixture
def own_host(isolated: None) -> Iterator[OwnHost]:
    with ExitStack() as stack:
        # Not below pytest's own directory, which every run of pytest closes to others again.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.chmod(0o755)
        authority = SiteAuthority(directory)
        topology = stack.enter_context(Topology())
        ends = [(OWN_IPV4, OWN_IPV6, LOOPBACK, Topology.GATEWAY_ACCESS_IPV4)]
        points = AccessPoints(topology, [authority.agent("agent1")], host=topology.gateway, addresses=ends)
        made = OwnHost(topology, directory, authority, stack.enter_context(points))
        yield made
        if made.gateway.process is not None:
            made.gateway.kill()


WAYS = (
    (OWN_IPV4, OUTSIDE_IPV4),
    (OWN_IPV6, OUTSIDE_IPV6),
    (OWN_IPV4, OWN_IPV4),
    (OWN_IPV6, OWN_IPV6),
    (LOOPBACK, LOOPBACK),
)
"""What is called, and from where."""


def test_every_call_is_judged_and_nothing_else_gets_in(own_host: OwnHost) -> None:
    own_host.configure(LEARN)
    own_host.give_to(SOMEBODY)
    own_host.gateway.start()
    outside, here = own_host.topology.lan, own_host.topology.gateway
    pids = [own_host.gateway.pid, *children(own_host.gateway.pid, "--channel")]
    assert len(pids) == 2
    assert {Path("/proc", str(pid)).stat().st_uid for pid in pids} == {SOMEBODY}
    own_host.register(here, "movement1", HEALTHY)
    own_host.register(here, "local-bad", HOSTILE)
    own_host.register(outside, "outside-bad", HOSTILE)
    assert [own_host.call("movement1", *way) for way in WAYS] == [200] * len(WAYS)
    called = [source for _, source in WAYS]
    own_host.gateway.wait_for(
        lambda: [record["sender"]["ip"] for record in own_host.gateway.verdicts()][-len(WAYS) :] == called
    )

    own_host.gateway.replace_policy(JUDGED)
    assert own_host.call("local-bad", OWN_IPV4, OWN_IPV4) == 403
    assert own_host.call("local-bad", LOOPBACK, LOOPBACK, BRIEF) in {0, 403}
    assert own_host.call("movement1", OWN_IPV4, OWN_IPV4) == 200, "a service of the same host"
    assert own_host.kernel() == "", "who shares the machine's addresses is refused by identity"
    assert own_host.call("outside-bad", OWN_IPV4, OUTSIDE_BAD) == 403
    own_host.gateway.wait_for(lambda: OUTSIDE_BAD in own_host.kernel())

    before = own_host.reached()
    for host in (outside, here):
        for address, port in ((OWN_IPV4, FIRST_LISTEN_PORT), (Topology.GATEWAY_ACCESS_IPV4, AGENT_PORT)):
            with pytest.raises(ConnectionRefusedError):
                host.connect(address, port, source="10.77.1.11" if host is outside else None)
    own_host.gateway.kill()
    assert [own_host.call("movement1", *way, BRIEF) for way in WAYS] == [0] * len(WAYS)
    assert own_host.reached_in_the_end() == before
