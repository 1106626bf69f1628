"""Whom an operator means, who cannot be meant, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from policy.document import PolicyDocument
from policy.protection import Protection
from policy.verdict import Strength
from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.control.messages import NewQuarantine, QuarantineState
from proxy.control.refusal import NotDone
from proxy.plan import firewall_plan
from proxy.processes.messages import Free, Hold
from proxy.protection import fixed_protection
from proxy.registry import AgentStructure, SiteRegistry
from proxy.supervisor.by_hand import LONGEST_SECONDS, QuarantinesByHand
from tests.proxy.parts import plain_point, plain_settings, tls_settings
from tests.proxy.test_quarantine import Bench as Keeping
from tests.site.certificates import SiteAuthority

NOW = 1000.0
PLAIN = {"agent": "agent2", "ipv4": "10.77.2.12", "listen_port": 9102}


class Bench:
    def __init__(self, directory: Path, background: ThreadPoolExecutor) -> None:
        self.keeping = Keeping(directory, background)
        self.told: list[Hold | Free] = []
        points = [plain_point(tls="required"), plain_point(**PLAIN)]
        peers = [{"agent": "agent3"}, {"agent": "agent4", "ipv4": "192.0.2.44"}]
        settings = plain_settings(access_points=points, peers=peers, tls=tls_settings(SiteAuthority(directory)))
        document = GatewayDocument.model_validate_json(GatewayDocument.model_validate(settings).model_dump_json())
        inventory = InventoryDocument.model_validate(
            {
                "services": [
                    {"address": "/agent2/boiler", "ip": "192.0.2.40"},
                    {"address": "/agent2/somewhere"},
                    {"address": "/agent1/light1", "ip": "192.0.2.41"},
                ],
                "protected": ["192.0.2.1"],
            }
        )
        registry = SiteRegistry(inventory, frozenset({"agent1", "agent2", "agent3", "agent4"}))
        registry.replace_agent("agent2", AgentStructure(types={"/agent2/tv1": "/tv"}, children={}))
        self.policy = PolicyDocument.model_validate(
            {"quarantine": {"expiry": "15m", "protected": ["/agent2/alarm1", "192.0.2.64/28"]}}
        )
        fixed = fixed_protection(document, inventory)
        self.register = self.keeping.register
        self.register.protect(fixed | Protection.of(self.policy.quarantine.protected))
        self.by_hand = QuarantinesByHand(
            document=document,
            plan=firewall_plan(document, inventory),
            register=self.register,
            keeper=self.keeping.keeper,
            carriers=self.keeping.carriers,
            registry=registry,
            policy=lambda: self.policy,
            fixed=fixed,
            own=lambda: ["10.77.2.1", "10.77.1.1"],
            tell=self.told.append,
            real_now=lambda: NOW,
        )

    def add(self, sender: str, *, reason: str = "it calls home", seconds: int | None = 60) -> QuarantineState:
        return self.by_hand.add(NewQuarantine(sender=sender, reason=reason, seconds=seconds), "alice (uid 1000)")

    def see(self, ip: str, *identities: str) -> None:
        for identity in identities:
            self.keeping.see(ip, identity, NOW - 1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ThreadPoolExecutor(max_workers=1) as background:
        bench = Bench(tmp_path, background)
        yield bench
        background.shutdown()
        bench.keeping.firewall.close()
        bench.keeping.store.close()


@pytest.mark.parametrize(
    ("named", "identity", "ip"),
    [
        ("certificate:tv1", "certificate:tv1", "192.0.2.17"),
        ("/agent1/tv1", "certificate:tv1", "192.0.2.17"),
        ("192.0.2.17", "certificate:tv1", "192.0.2.17"),
        ("ip:192.0.2.17", "certificate:tv1", "192.0.2.17"),
        ("::ffff:192.0.2.17", "certificate:tv1", "192.0.2.17"),
        ("/agent1/never-seen", "certificate:never-seen", ""),
        ("/agent2/boiler", "/agent2/boiler", "192.0.2.40"),
        ("192.0.2.40", "/agent2/boiler", "192.0.2.40"),
        ("192.0.2.41", "certificate:light1", "192.0.2.41"),
        ("192.0.2.99", "ip:192.0.2.99", "192.0.2.99"),
        ("2001:db8:0::9", "ip:2001:db8::9", "2001:db8::9"),
        ("/agent3/tv1", "/agent3/tv1", ""),
        ("/agent4/alarm1", "/agent4/alarm1", ""),
    ],
)
def test_whoever_is_meant_is_shut_out_as_who_they_are(bench: Bench, named: str, identity: str, ip: str) -> None:
    bench.see("192.0.2.17", "certificate:tv1")
    made = bench.add(named)
    assert (made.identity, made.ip, made.until, made.by) == (identity, ip, NOW + 60, "alice (uid 1000)")
    entry = bench.register.holding(identity, NOW)
    assert entry is not None
    assert bench.told == [Hold(entry)]


@pytest.mark.parametrize(
    "named",
    ["certificate:agent3", "/agent3", "/agent1/agent3", "192.0.2.17", "certificate:agent1", "/agent1", "/agent4"],
)
def test_an_agent_is_never_shut_out_however_it_is_named(bench: Bench, named: str) -> None:
    bench.see("192.0.2.17", "certificate:agent3")
    with pytest.raises(NotDone, match="cannot be quarantined") as refused:
        bench.add(named)
    assert (refused.value.status, bench.told, len(bench.register)) == (403, [], 0)


def test_a_service_that_a_peer_speaks_for_is_let_in_again(bench: Bench) -> None:
    made = bench.add("/agent3/tv1")
    assert not made.in_kernel
    assert bench.by_hand.delete("/agent3/tv1", "alice (uid 1000)", "").identity == "/agent3/tv1"
    assert len(bench.register) == 0


def test_an_address_that_the_inventory_and_a_certificate_name_alike_is_one_sender_s(bench: Bench) -> None:
    bench.see("192.0.2.41", "certificate:light1")
    assert bench.add("192.0.2.41").identity == "certificate:light1"


def test_of_several_at_one_address_one_has_to_be_named(bench: Bench) -> None:
    bench.see("192.0.2.17", "certificate:tv1", "certificate:tv2")
    with pytest.raises(NotDone, match=r"2 senders: certificate:tv1, certificate:tv2") as refused:
        bench.add("192.0.2.17")
    assert (refused.value.status, bench.told) == (409, [])
    assert not bench.add("certificate:tv1").in_kernel


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("10.77.2.11", "it is the access point agent1"),
        ("10.77.1.1", "it is the gateway's own"),
        ("10.77.2.1", "it is the gateway's own"),
        ("192.0.2.1", "the configuration protects 192.0.2.1"),
        ("192.0.2.70", "the policy protects it"),
        ("127.0.0.1", "no single sender has it"),
        ("ff02::1", "no single sender has it"),
        ("certificate:alarm1", "the configuration protects it"),
        ("/agent1/alarm1", "the configuration protects it"),
        ("certificate:router1", "the configuration protects 192.0.2.1"),
    ],
)
def test_who_is_protected_is_refused_with_the_reason(bench: Bench, named: str, reason: str) -> None:
    bench.see("192.0.2.1", "certificate:router1")
    with pytest.raises(NotDone, match=reason) as refused:
        bench.add(named)
    assert refused.value.status == 403
    assert bench.register.entries == ()
    assert bench.told == []


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("", "names no sender"),
        ("tv1", "names no sender"),
        ("192.0.2.0/24", "names no sender"),
        ("a\nb", "names no sender"),
        ("/agent9/tv1", "no service of an access point"),
        ("/agent1/tv1/on", "no service of an access point"),
        ("/agent2/somewhere", "no network address of its own"),
        ("/agent2/unheard-of", "no network address of its own"),
    ],
)
def test_what_names_nobody_is_refused(bench: Bench, named: str, error: str) -> None:
    with pytest.raises(NotDone, match=error) as refused:
        bench.add(named)
    assert refused.value.remedy
    assert bench.register.entries == ()


@pytest.mark.parametrize(("reason", "seconds"), [(" ", 60), ("x" * 501, 60), ("r", 0), ("r", LONGEST_SECONDS + 1)])
def test_a_reason_and_a_time_are_needed(bench: Bench, reason: str, seconds: int) -> None:
    with pytest.raises(NotDone):
        bench.add("192.0.2.99", reason=reason, seconds=seconds)


def test_it_ends_by_itself_as_the_policy_says_and_a_longer_one_stays(bench: Bench) -> None:
    assert bench.add("192.0.2.99", seconds=None).until == NOW + 900
    assert bench.add("192.0.2.99", seconds=60, reason="again").until == NOW + 900
    assert len(bench.told) == 1


def test_a_quarantine_is_ended_by_whatever_names_it_alone(bench: Bench) -> None:
    for named in ("certificate:tv1", "/agent1/tv1", "192.0.2.17"):
        bench.see("192.0.2.17", "certificate:tv1")
        bench.add("certificate:tv1")
        ended = bench.by_hand.delete(named, "alice (uid 1000)", "repaired")
        assert ended.identity == "certificate:tv1"
        assert bench.told[-1] == Free("certificate:tv1")
        assert bench.register.entries == ()
    with pytest.raises(NotDone, match="not in quarantine"):
        bench.by_hand.delete("certificate:tv1", "alice (uid 1000)", "")


def test_what_names_several_quarantines_ends_none(bench: Bench) -> None:
    bench.see("192.0.2.17", "certificate:tv1", "certificate:tv2")
    bench.add("certificate:tv1")
    bench.add("certificate:tv2")
    with pytest.raises(NotDone, match="2 quarantines"):
        bench.by_hand.delete("192.0.2.17", "alice (uid 1000)", "")
    assert len(bench.register.entries) == 2


def test_all_are_listed_and_who_is_protected(bench: Bench) -> None:
    bench.see("192.0.2.17", "certificate:tv1")
    bench.add("certificate:tv1")
    found = bench.by_hand.all()
    assert [(each.identity, each.in_kernel) for each in found.quarantines] == [("certificate:tv1", True)]
    assert {"/agent2/alarm1", "10.77.2.11/32", "192.0.2.1/32", "192.0.2.64/28"} <= set(found.protected)


@pytest.mark.parametrize(
    ("named", "ip", "strength"),
    [
        ("/rooms/wall", "192.0.2.50", Strength.MAC_AND_IP),
        ("192.0.2.50", "192.0.2.50", Strength.MAC_AND_IP),
        ("/rooms/phone", "192.0.2.51", Strength.IP),
        ("/rooms/tablet", "", Strength.API_TOKEN),
        ("/rooms/meter", "", Strength.CERTIFICATE),
    ],
)
def test_callers_of_other_middleware_have_names_of_their_own(
    bench: Bench, named: str, ip: str, strength: Strength
) -> None:
    lamps = plain_point(agent="lamps", port=80, listen_port=9103, decoder={"mapping": "lamp.yaml"})
    services = [
        {"address": "/rooms/wall", "ip": "192.0.2.50", "mac": "02:00:5e:00:53:01"},
        {"address": "/rooms/phone", "ip": "192.0.2.51"},
        {"address": "/rooms/tablet", "tokens": ["0" * 64]},
        {"address": "/rooms/meter", "tokens": ["1" * 64], "certificates": [{"name": "meter", "ca": "ca.pem"}]},
    ]
    registry = SiteRegistry(InventoryDocument.model_validate({"services": services}), frozenset({"lamps"}))
    document = GatewayDocument.model_validate(plain_settings(access_points=[lamps]))
    bench.see("192.0.2.50", "/rooms/wall")
    bench.by_hand = replace(bench.by_hand, document=document, registry=registry)
    made = bench.add(named)
    assert (made.identity, made.ip) == (made.address, ip)
    entry = bench.register.holding(made.identity, NOW)
    assert entry is not None
    assert entry.strength is strength
    with pytest.raises(NotDone, match="no service of an access point"):
        bench.add("/rooms/nobody")
