"""Monitor mode in front of the virtual site for a simulated day: the same bytes as without the gateway.

Monitor stands for learn, too: what is forwarded is decided in one place (`policy.engine`, `Mode.ENFORCE` or not), and
these two modes differ in what teaches and in alerts, which nobody on the wire sees.

The day is a list of some thousand calls, drawn once from the seeded simulation (`tests.site.day`) and made twice, one
after the other, by access points that live by the time of the day. So everything has to be equal, dates included.

Compared are, for each call, the head of the answer with every field as and where it was written, and its body; for each
callback, all of its messages; and what owners of virtual nodes hear of streams that they open. Left out, because they
are no properties of an answer, are the borders of chunks, the place of `Connection: close` (but not whether it is
there), and when the access point's own clock warns of a lock.

What else differs, by design, is no part of the day:

- what is refused in every mode, as docs/refusals.md says: the connection ends with 403 and `alleyes-reference`;
- types that the gateway cannot judge are not asked for where JSON or CBOR would do (`Accept`), and no compression of
  WebSocket is offered to the access point (docs/adr/0004 and 0011);
- a `100 Continue` comes from the gateway, interim answers of the access point stay there;
- pings of a callback channel are answered on their side, and its closing carries no reason over (docs/adr/0006).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from models.access import Operation
from models.simulation.paper_attacks import AttackClass
from models.simulation.scenario import START
from models.simulation.trace import NORMAL
from tests.network.namespaces import Topology
from tests.site.certificates import SiteAuthority
from tests.site.day import DENIED, EVERYBODY, MOVED, PLAIN_AGENT, STRANGER, Call, form_of, replies, the_day
from tests.site.demo_identity import PLAIN_ADDRESS
from tests.site.gateway_process import AGENT_PORT, FIRST_LISTEN_PORT, GatewayProcess, Settings, gateway_settings
from tests.site.house import MODELS_AND_HOUSE
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import Hosts, Place
from tests.site.recorded_service import Answer, RecordedService
from tests.site.told_clock import ToldClock

NOTICED = 0.9
"""Least share of the calls of an attack that enforcement would have refused."""
ECHO, LOOKS, LONGEST_ECHO = 0.2, 5, 60.0
"""None is on its way when so many looks, so many seconds apart, find no more; and how long to wait for one that is."""
_OF_OTHER_MIDDLEWARE = frozenset({Operation.INVOKE, Operation.CREATE, Operation.DELETE})
CLOSING = re.compile(rb"\r\nconnection: close\r\n", re.IGNORECASE)
BY_THE_CLOCK = ("LOCK_WILL_EXPIRE", "LOCK_EXPIRED")
REFUSALS = Path(__file__).parents[2] / "docs" / "refusals.md"
POLICY = {
    "mode": "monitor",
    "thresholds": {"quarantine": None},
    "rules": [{"name": "no-entry", "action": "deny", "source_address": [DENIED.address]}],
    "quarantine": {"escalation": {"refusals": 20, "different": 2, "within": "1h"}},
}


@dataclass
class Heard:
    """What a day was answered."""

    answers: list[Answer] = field(default_factory=list)
    messages: dict[str, list[str | bytes]] = field(default_factory=dict)
    """Of callbacks, by callback id."""
    transfers: dict[str, list[Answer]] = field(default_factory=dict)
    """Answers to owners of virtual nodes, by client id."""


class Site:
    """Fresh access points, and their services as the day has them."""

    def __init__(self, topology: Topology, authority: SiteAuthority, clock: ToldClock) -> None:
        self._clock = clock
        access = topology.access.socket
        places = dict(zip(("agent1", "agent2", PLAIN_AGENT), (*Topology.ACCESS_IPV4, PLAIN_ADDRESS), strict=True))
        self._network = Hosts(
            {name: Place(address, access) for name, address in places.items()},
            {s.id: Place(topology.service_ipv4(n), topology.lan.socket) for n, s in enumerate(EVERYBODY)},
            port=AGENT_PORT,
        )
        self._agents = {
            name: KnowledgeAgent(
                name,
                None if name == PLAIN_AGENT else authority.agent(name),
                models=MODELS_AND_HOUSE,
                now=clock.now,
            )
            for name in places
        }
        self._services = {
            service.id: RecordedService(
                partial(self._network.reach, service.id, service.agent),
                None if service is STRANGER else authority.service(service.id).client_context(),
                form_of(service).accept,
                replies(),
            )
            for service in EVERYBODY
        }

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        tls = [name for name in self._agents if name != PLAIN_AGENT]
        for name, agent in self._agents.items():
            await agent.serve(self._network.listen(name))
            for other in tls:
                if other != name and name in tls:
                    agent.add_peer(other, partial(self._network.reach_peer, name, other))
        try:
            yield
        finally:
            for service in self._services.values():
                await service.close()
            for agent in self._agents.values():
                await agent.close()

    async def live(self, day: Sequence[Call], messages: int = 0) -> Heard:
        """Make all calls, one after the other, and wait for callbacks: `messages`, where that is known."""
        heard = Heard()
        for call in day:
            self._clock.tell(call.at)
            service = self._services[call.service.id]
            answer = await (service.call(call.request) if call.request else service.open_callbacks())
            heard.answers.append(answer)
        await self._quiet(messages)
        for name, service in self._services.items():
            heard.messages |= {of: [m for m in each if not _by_the_clock(m)] for of, each in service.heard.items()}
            heard.transfers[name] = service.transfers
        return heard

    async def _quiet(self, messages: int) -> None:
        """Wait until no more callbacks come; longer, within bounds, where there are fewer than `messages`."""
        deadline = time.monotonic() + LONGEST_ECHO
        last, same = -1, 0
        while same < LOOKS or (last < messages and time.monotonic() < deadline):
            count = self._messages()
            last, same = count, same + 1 if count == last else 0
            await asyncio.sleep(ECHO)

    def _messages(self) -> int:
        return sum(len(each) for service in self._services.values() for each in service.heard.values())


def _by_the_clock(message: str | bytes) -> bool:
    text = message if isinstance(message, str) else message.decode("latin-1")
    return any(word in text for word in BY_THE_CLOCK)


def _without_connection(head: bytes) -> tuple[bytes, bool]:
    """Return a head without `Connection: close`, and whether it has it."""
    kept, closes = CLOSING.subn(b"\r\n", head)
    return kept, bool(closes)


def _differences(day: Sequence[Call], one: Heard, other: Heard) -> list[tuple[bytes, Answer, Answer]]:
    """Return the calls whose answers are not the same bytes, each with both answers."""
    return [
        (call.request, mine, its)
        for call, mine, its in zip(day, one.answers, other.answers, strict=True)
        if (_without_connection(mine.head), mine.body) != (_without_connection(its.head), its.body)
    ]


def _obeying() -> set[str]:
    """Return the reasons that docs/refusals.md says to obey the mode, but for the one of mappings alone."""
    rows = REFUSALS.read_text(encoding="utf-8").splitlines()
    return {row.split("`")[1] for row in rows if re.match(r"\| `[a-z0-9-]+` \|.*\| obeys the mode[^|]*\|", row)} - {
        "out-of-range"
    }


def _noticed(day: Sequence[Call], verdicts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the share of the calls of each class of attacks that enforcement would have refused."""
    made = Counter((call.label, call.service.address, _line(call)) for call in day if call.label != NORMAL)
    refused = Counter(
        (verdict["sender"]["address"], verdict["request"])
        for verdict in verdicts
        if (verdict["action"], verdict["would_be"] != "forward") == ("forward", True)
    )
    calls: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for (label, address, line), count in made.items():
        calls[label] += count
        noticed[label] += min(count, refused[address, line])
    return {label: noticed[label] / calls[label] for label in calls}


def _line(call: Call) -> str:
    """Return method and target, as the audit log has them."""
    return call.request.partition(b" HTTP/1.1")[0].decode()


def _inventory() -> list[Settings]:
    """Return what an operator knows; one line of it is wrong, or that service has moved."""
    listed: list[Settings] = [{"address": s.address, "location": s.location} for s in EVERYBODY if s is not STRANGER]
    moved = next(each for each in listed if each["address"] == MOVED.address)
    moved |= {"ip": Topology.GATEWAY_IPV4.replace(".1.1", ".1.9"), "only_here": True}
    return listed


@pytest.mark.timeout(900)
async def test_a_day_is_answered_as_without_the_gateway(isolated: None, tmp_path: Path) -> None:
    day = the_day()
    authority = SiteAuthority(tmp_path)
    with Topology(services=len(EVERYBODY)) as topology:
        topology.access.add_addresses("eth0", [f"{PLAIN_ADDRESS}/24"])
        told = tmp_path / "told"
        directly = Site(topology, authority, ToldClock.begin(tmp_path / "told-directly", START))
        behind = Site(topology, authority, ToldClock.begin(told, START))
        async with directly.open():
            without = await directly.live(day)
        gateway = GatewayProcess(tmp_path / "gateway", topology.gateway, told=told)
        settings = gateway_settings(authority, gateway.state)
        plain = {"agent": PLAIN_AGENT, "ipv4": PLAIN_ADDRESS, "port": AGENT_PORT, "tls": "plain"}
        settings["access_points"].append(plain | {"listen_port": FIRST_LISTEN_PORT + 2})
        gateway.write(settings, POLICY, {"services": _inventory()})
        async with behind.open():
            await asyncio.to_thread(gateway.start)
            try:
                through = await behind.live(day, sum(map(len, without.messages.values())))
            finally:
                await asyncio.to_thread(gateway.stop)
    assert _differences(day, without, through) == []
    assert through.messages == without.messages
    assert through.transfers == without.transfers

    # All that could happen has happened: every operation, every refusal that obeys the mode, every class of attacks.
    verdicts = gateway.verdicts()
    assert {verdict["mode"] for verdict in verdicts} == {"monitor"}
    assert [verdict for verdict in verdicts if verdict["action"] != "forward"] == []
    assert {access["operation"] for v in verdicts for access in v["accesses"]} == {
        each.value for each in Operation if each not in _OF_OTHER_MIDDLEWARE
    }
    assert {verdict["reason"] for verdict in verdicts if verdict["would_be"] != "forward"} == _obeying()
    noticed = _noticed(day, verdicts)
    assert noticed.keys() == set(AttackClass)
    assert min(noticed.values()) > NOTICED, noticed
