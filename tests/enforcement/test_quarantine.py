"""Who is refused, what the kernel drops, and who still gets through: a table of sites, all in front of one gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.control.client import ControlClient
from proxy.control.messages import NewQuarantine
from proxy.control.refusal import NotDone
from proxy.firewall.ruleset import SETS
from tests import waiting
from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.raw_service import BRIEF, PATIENCE, RawService
from tests.network.namespaces import Host, Topology, link
from tests.site.access_points import AccessPoints
from tests.site.certificates import SiteAuthority

NODE = "/vsl/agent1/movement1/movement"
HOSTILE, HEALTHY = "/lightControler", "/movementSensor"
ENFORCED = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}
JUDGED = {"mode": "learn", "service_types": {HOSTILE: ENFORCED}}
"""Whatever a light controller does is a reason to quarantine it; everybody else may do what they want."""

ROUTER, DNS, OPERATOR = "10.77.1.2", "10.77.1.3", "10.77.1.28"
TRANSLATOR, BEHIND = "10.77.1.201", "fd77:3::{}"
BOUND = "10.77.1.29"


def on_lan(number: int) -> str:
    return f"10.77.1.{number}"


STOLEN = (on_lan(16), on_lan(17), BOUND)


@dataclass(frozen=True)
class Caller:
    """A service, where it calls from, and what it is."""

    name: str
    host: str
    source: str
    type: str = HEALTHY


@dataclass(frozen=True)
class Case:
    """One row."""

    name: str
    seen: tuple[Caller, ...]
    """Who has called before."""
    misbehaves: tuple[Caller, ...]
    """Whose calls are anomalous, one after the other."""
    kernel: tuple[str, ...]
    """What stands in the kernel then; `{host}` is the link address of a host."""
    refused: tuple[Caller, ...] = ()
    """Who is refused then, besides those who misbehaved."""
    through: tuple[Caller, ...] = ()
    """Who still gets through."""
    kernel_after: tuple[str, ...] | None = None
    """What stands in the kernel once those have called; None: the same."""


def bad(name: str, host: str, source: str) -> Caller:
    return Caller(name, host, source, HOSTILE)


CASES = (
    Case(
        "alone at its address",
        seen=(Caller("alone-ok", "lan", on_lan(11)),),
        misbehaves=(bad("alone", "lan", on_lan(10)),),
        kernel=("{lan} . 10.77.1.10",),
        refused=(bad("alone", "lan", on_lan(12)), bad("alone", "lan", "fd77:1::12")),
        through=(Caller("alone-ok", "lan", on_lan(11)),),
    ),
    Case(
        "several services on one host",
        seen=(Caller("host-b", "lan", on_lan(13)), Caller("host-c", "lan", on_lan(13))),
        misbehaves=(bad("host-a", "lan", on_lan(13)),),
        kernel=(),
        through=(Caller("host-b", "lan", on_lan(13)), Caller("host-c", "lan", on_lan(13))),
    ),
    Case(
        "all services of one host",
        seen=(bad("all-a", "lan", on_lan(14)), bad("all-b", "lan", on_lan(14))),
        misbehaves=(bad("all-a", "lan", on_lan(14)), bad("all-b", "lan", on_lan(14))),
        kernel=("{lan} . 10.77.1.14",),
    ),
    Case(
        "two hosts behind an address translator",
        seen=(Caller("nat-b", "inner2", "10.88.2.2"),),
        misbehaves=(bad("nat-a", "inner1", "10.88.1.2"),),
        kernel=(),
        through=(Caller("nat-b", "inner2", "10.88.2.2"),),
    ),
    Case(
        "another host turns up behind an address translator",
        seen=(),
        misbehaves=(bad("later-a", "inner3", "10.88.3.2"),),
        kernel=("{translator2} . 10.77.1.202",),
        through=(Caller("later-b", "inner4", "10.88.4.2"),),
        kernel_after=(),
    ),
    Case(
        "IPv6 privacy addresses",
        seen=(Caller("private-ok", "lan", "fd77:1::15"),),
        misbehaves=(bad("private", "private", "fd77:1::a:1"),),
        kernel=("{private} . fd77:1::",),
        refused=(bad("private", "private", "fd77:1::a:2"), bad("private", "private", "10.77.1.210")),
        through=(Caller("private-ok", "lan", "fd77:1::15"),),
    ),
    Case(
        "IPv6 behind a router",
        seen=(),
        misbehaves=(bad("routed", "inner1", BEHIND.format("a")),),
        kernel=("fd77:3::",),
        refused=(bad("routed", "inner1", BEHIND.format("b")),),
        through=(Caller("private-ok", "lan", "fd77:1::15"),),
    ),
    Case(
        "the address of a healthy service, stolen",
        seen=(Caller("owner", "lan", on_lan(16)),),
        misbehaves=(bad("thief", "thief", on_lan(16)),),
        kernel=(),
        through=(Caller("owner", "lan", on_lan(16)),),
    ),
    Case(
        "the address of a service that was never seen, stolen",
        seen=(),
        misbehaves=(bad("thief2", "thief", on_lan(17)),),
        kernel=("{thief} . 10.77.1.17",),
        through=(Caller("owner2", "lan", on_lan(17)),),
        kernel_after=(),
    ),
    Case(
        "an address that is bound to a link address, stolen",
        seen=(Caller("bound1", "lan", BOUND),),
        misbehaves=(),
        kernel=(),
        refused=(Caller("thief3", "thief", BOUND),),
        through=(Caller("bound1", "lan", BOUND),),
    ),
    Case(
        "a protected operator",
        seen=(),
        misbehaves=(bad("operator", "lan", OPERATOR),),
        kernel=(),
    ),
)


class Site(Bench):
    """Hosts of all kinds in front of one gateway."""

    def __init__(self, topology: Topology, directory: Path, authority: SiteAuthority, points: AccessPoints) -> None:
        super().__init__(topology, directory, authority, points)
        self.hosts: dict[str, Host] = {"lan": topology.lan}
        self.control = ControlClient(self.gateway.state)

    def build(self) -> None:
        topology, hosts = self.topology, self.hosts
        hosts["private"] = topology.attach("private", ["10.77.1.210"], ["fd77:1::a:1", "fd77:1::a:2"])
        # Who has a stolen address at the moment is said by `reach`; the thief keeps still when it is asked.
        hosts["thief"] = topology.attach("thief", STOLEN)
        hosts["thief"].sysctl("net/ipv4/conf/eth0/arp_ignore", "8")
        self._translator("translator", TRANSLATOR, (1, 2))
        self._translator("translator2", "10.77.1.202", (3, 4))
        hosts["translator"].add_addresses("in1", ["fd77:3::1/64"])
        hosts["inner1"].add_addresses("eth0", [f"{BEHIND.format(each)}/64" for each in "ab"])
        hosts["inner1"].default_routes("fd77:3::1")
        topology.gateway.ip("-6", "route", "add", "fd77:3::/64", "via", "fd77:1::201")

    def _translator(self, name: str, address: str, inner: tuple[int, ...]) -> None:
        translator = self.hosts[name] = self.topology.attach(name, [address], [f"fd77:1::{address[-3:]}"])
        translator.forwarding(on=True)
        translator.default_routes("fd77:1::1")
        for number in inner:
            host = self.hosts[f"inner{number}"] = self.topology._host(f"inner{number}")
            link(translator, f"in{number}", host, "eth0")
            translator.add_addresses(f"in{number}", [f"10.88.{number}.1/24"])
            host.add_addresses("eth0", [f"10.88.{number}.2/24"])
            host.default_routes(f"10.88.{number}.1")
        chain = "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }"
        translator.run(["nft", f'{chain}; add rule ip nat out oifname "eth0" masquerade'])

    def register(self, name: str, type_: str) -> None:
        with self.reach(Caller(name, "lan", on_lan(25))) as service:
            assert service.register(type_) == 200

    def reach(self, caller: Caller, patience: float = PATIENCE) -> RawService:
        host = self.hosts[caller.host]
        if caller.source in STOLEN:
            link_address = ("lladdr", host.mac("eth0"))
            self.topology.gateway.ip("neigh", "replace", caller.source, *link_address, "dev", Topology.IOT_INTERFACE)
        address = Topology.ACCESS_IPV6[0] if ":" in caller.source else Topology.ACCESS_IPV4[0]
        context = self.authority.service(caller.name).client_context()
        return RawService(host, address, caller.source, context, patience=patience)

    def call(self, caller: Caller, patience: float = PATIENCE) -> int:
        """Let a service read something; return the status, 0 where no answer came in time."""
        try:
            with self.reach(caller, patience) as service:
                return service.ask("GET", NODE)[0]
        except OSError:
            return 0

    def kernel(self) -> set[str]:
        """Return what stands in the quarantine sets."""
        listed = self.topology.gateway.run(["nft", "-j", "list", "table", "inet", "alleyes"]).stdout
        sets = [item["set"] for item in json.loads(listed)["nftables"] if item.get("set", {}).get("name") in SETS]
        values = [each["elem"]["val"] for one in sets for each in one.get("elem", ())]
        return {value if isinstance(value, str) else " . ".join(value["concat"]) for value in values}

    def expect_in_kernel(self, wanted: tuple[str, ...]) -> None:
        macs: Mapping[str, str] = {name: host.mac("eth0") for name, host in self.hosts.items()}
        expected = {each.format(**macs) for each in wanted}
        deadline = time.monotonic() + waiting.PATIENCE
        while self.kernel() != expected:
            assert time.monotonic() < deadline, f"{self.kernel()} instead of {expected}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def site(isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One gateway for all rows; whoever is in them has registered, and is judged from now on."""
    directory = tmp_path_factory.mktemp("quarantine")
    authority = SiteAuthority(directory)
    with Topology() as topology:
        credentials = [authority.agent("agent1"), authority.agent("agent2")]
        with AccessPoints(topology, credentials) as points:
            made = Site(topology, directory, authority, points)
            made.build()
            bound = {"address": "/agent1/bound1", "ip": BOUND, "mac": topology.lan.mac("eth0")}
            made.configure(LEARN, None, {"services": [bound], "protected": [ROUTER, DNS, OPERATOR]})
            made.gateway.start()
            callers = [caller for case in CASES for caller in (*case.seen, *case.misbehaves)]
            hostile = {caller.name for caller in callers if caller.type == HOSTILE}
            for name, type_ in {"movement1": HEALTHY, **dict.fromkeys(sorted(hostile), HOSTILE)}.items():
                made.register(name, type_)
            made.gateway.replace_policy(JUDGED)
            yield made
            made.gateway.kill()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_quarantine_hits_whom_it_is_meant_for_and_nobody_else(site: Site, case: Case) -> None:
    for caller in case.seen:
        if caller not in case.misbehaves:
            assert site.call(caller) == 200, caller
    for caller in case.misbehaves:
        assert site.call(caller) == 403, caller
    site.expect_in_kernel(case.kernel)
    for caller in (*case.misbehaves, *case.refused):
        assert site.call(caller, BRIEF) in {0, 403}, caller
    for caller in case.through:
        assert site.call(caller) == 200, caller
    site.expect_in_kernel(case.kernel if case.kernel_after is None else case.kernel_after)
    for each in site.control.quarantines().quarantines:
        site.control.delete(each.identity, "the row is over")
    site.expect_in_kernel(())


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (Topology.ACCESS_IPV4[0], "the access point agent1"),
        (Topology.ACCESS_IPV6[1], "the access point agent2"),
        (Topology.GATEWAY_IPV4, "the gateway's own"),
        (Topology.GATEWAY_IPV6, "the gateway's own"),
        (Topology.GATEWAY_ACCESS_IPV4, "the gateway's own"),
        (ROUTER, "the configuration protects"),
        (DNS, "the configuration protects"),
        (OPERATOR, "the configuration protects"),
    ],
    ids=["access point", "IPv6", "gateway", "gateway IPv6", "gateway inside", "router", "DNS", "operator"],
)
def test_who_must_not_be_quarantined_cannot_be(site: Site, address: str, reason: str) -> None:
    with pytest.raises(NotDone, match=reason):
        site.control.add(NewQuarantine(sender=address, reason="a slip", seconds=60))
    assert site.kernel() == set()


def test_by_hand_live_connections_are_cut_and_everybody_hears_who_did_it(site: Site) -> None:
    caller = Caller("alone-ok", "lan", on_lan(11))
    with site.reach(caller) as live:
        assert live.ask("GET", NODE)[0] == 200
        made = site.control.add(NewQuarantine(sender=on_lan(11), reason="it calls home", seconds=600))
        assert made.identity == "certificate:alone-ok"
        site.expect_in_kernel(("{lan} . 10.77.1.11",))
        assert live.receive(2.0) == b""
    assert site.call(caller, BRIEF) in {0, 403}
    assert site.call(Caller("alone-ok", "lan", on_lan(12))) == 403
    assert site.control.delete("certificate:alone-ok", "repaired").in_kernel
    site.expect_in_kernel(())
    assert site.call(caller) == 200
    kinds = {"quarantine-added", "quarantine-removed"}

    def records() -> list[Mapping[str, Any]]:
        found = [r for r in site.gateway.records() if r["kind"] in kinds]
        return [record for record in found if record["details"]["identity"] == made.identity]

    site.gateway.wait_for(lambda: len(records()) == 2)
    told = records()
    assert [record["kind"] for record in told] == ["quarantine-added", "quarantine-removed"]
    assert all("uid" in record["details"]["by"] for record in told)
    assert "it calls home" in told[0]["sentence"]
    assert told[1]["details"]["why"] == "repaired"


def test_a_reload_over_the_socket_says_what_came_of_it(site: Site) -> None:
    policy = site.gateway.directory / "policy.yaml"
    text = policy.read_text()
    before = site.control.reload_policy()
    try:
        policy.write_text("mode: strict\n")
        with pytest.raises(NotDone, match=f"policy {before.revision} stays in force") as refused:
            site.control.reload_policy()
        assert "policy.yaml:1: mode" in refused.value.problems[0]
        policy.write_text(f"{text}\n# another one\n")
        after = site.control.reload_policy()
        assert after.revision != before.revision
    finally:
        policy.write_text(text)

    def told() -> list[Mapping[str, Any]]:
        return [r["details"] for r in site.gateway.records() if r["kind"] == "policy-reload" and "by" in r["details"]]

    site.gateway.wait_for(lambda: len(told()) == 3)
    assert [details["policy_revision"] for details in told()] == [before.revision, before.revision, after.revision]
    assert all("uid" in details["by"] for details in told())
