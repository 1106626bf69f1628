"""What is gathered, from real files, a real access point and the kernel."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from models.access import Operation
from policy.verdict import Strength
from proxy.audit.event import VerdictEvent
from proxy.audit.journal import Journal
from proxy.audit.layout import DIRECTORY as AUDIT_DIRECTORY
from proxy.audit.layout import chain_of_worker
from proxy.configuration import GatewayDocument
from proxy.inventory.evidence import Evidence, gather
from proxy.storage.address_store import AddressStore, Seen
from tests.policy.calls import NOW
from tests.proxy.audit.events import verdict
from tests.proxy.parts import free_port, plain_point, plain_settings
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import Loopback


def document(state: Path, port: int) -> GatewayDocument:
    points = [plain_point(ipv4="127.0.0.1", port=port)]
    return GatewayDocument.model_validate(plain_settings(state_directory=str(state), access_points=points))


def record(state: Path, ip: str, *calls: tuple[Operation, str, str], strength: Strength = Strength.UNKNOWN) -> None:
    """Let a worker have judged calls."""
    journal = Journal(state / AUDIT_DIRECTORY / chain_of_worker(0), linger=0)
    for operation, node, value in calls:
        made = verdict()
        sender = msgspec.structs.replace(made.call.sender, address=f"ip:{ip}", ip=ip, strength=strength)
        given = {"data_type": value} if operation is Operation.REGISTER else {"value": value}
        access = msgspec.structs.replace(made.call.accesses[0], operation=operation, node=node, **given)
        call = msgspec.structs.replace(made.call, sender=sender, accesses=(access,))
        journal.append(VerdictEvent(verdict=msgspec.structs.replace(made, call=call, scores=(), worst=-1), time=NOW))
    journal.close(timeout=10)


async def test_all_of_it(tmp_path: Path) -> None:
    AddressStore(tmp_path).save(
        {
            "192.0.2.10": {"certificate:light1": Seen(NOW, ("/agent1/light1",))},
            "192.0.2.40": {"ip:192.0.2.40": Seen(NOW, ("ip:192.0.2.40",))},
        }
    )
    record(
        tmp_path,
        "192.0.2.40",
        (Operation.SET, "/agent1/boiler/on", "1"),
        (Operation.SET, "/agent1/boiler/off", "0"),
        (Operation.GET, "/agent1/light1/lightOn", ""),
        (Operation.REGISTER, "/agent1", "/boilerControl"),
    )
    leases = tmp_path / "dnsmasq.leases"
    leases.write_text("0 02:00:5e:00:53:40 192.0.2.40 boiler *\n")
    agent, network = KnowledgeAgent("agent1"), Loopback()
    await agent.serve(network.listen("agent1"))
    try:
        settings = document(tmp_path, network.ports["agent1"])
        found = await asyncio.to_thread(gather, settings, [leases, tmp_path / "missing"], NOW)
    finally:
        await agent.close()
    assert found.seen_at == {"/agent1/light1": ["192.0.2.10"]}
    assert found.strangers == ["192.0.2.40"]
    assert found.writes == {"192.0.2.40": {"/agent1/boiler": 2}}
    assert found.registered == {"192.0.2.40": "/boilerControl"}
    assert [lease.name for lease in found.leases_of("192.0.2.40")] == ["boiler"]
    assert found.asked == {"agent1"}
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path / 'missing'}: ")


def test_what_an_identified_sender_does_is_no_guess(tmp_path: Path) -> None:
    record(tmp_path, "192.0.2.40", (Operation.SET, "/agent1/boiler/on", "1"), strength=Strength.CERTIFICATE)
    assert gather(document(tmp_path, free_port()), [], NOW).writes == {}


def test_without_anything_it_says_what_is_missing(tmp_path: Path) -> None:
    found = gather(document(tmp_path, free_port()), [], NOW)
    assert (found.traffic, found.types, found.asked) == ({}, {}, frozenset())
    (problem,) = found.problems
    assert problem.startswith("access point: agent1 at 127.0.0.1 port ")


def test_addresses_are_in_order_of_family() -> None:
    traffic = {"2001:db8::1": ["/agent1/a"], "192.0.2.1": ["/agent1/a"]}
    assert Evidence(traffic=traffic).seen_at == {"/agent1/a": ["192.0.2.1", "2001:db8::1"]}


def test_other_middleware_is_not_asked_for_a_structure(tmp_path: Path) -> None:
    point = plain_point(ipv4="127.0.0.1", port=free_port(), decoder={"mapping": "lamp.yaml"})
    other = GatewayDocument.model_validate(plain_settings(state_directory=str(tmp_path), access_points=[point]))
    assert gather(other, [], NOW).problems == []
