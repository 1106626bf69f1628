"""The shipped scoring as it would run live: an analyzer on every node, knowledge shared as the federation shares it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from models.access import Access
from models.analyzer import Analyzer
from models.contributions import MAX_ORIGINS
from models.descriptor import MINUTE, Descriptor
from models.knowledge import Knowledge
from policy.document import Handling, ModeSetting, PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Sender, Strength
from proxy.evaluation.exchange_clock import ExchangeClock, Turn
from proxy.evaluation.mining_time import Stopwatch, TimedRhythm
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.subject import Judgement
from proxy.evaluation.trace import TraceError

MAX_NODES = 4096
"""Agents of one trace."""
MAX_CALLERS = 65_536
"""Sources whose node is remembered."""
_FORWARD = Action.FORWARD  # once per access: an enumeration takes its time to look up its members


class Federation(StrEnum):
    """Who learns from whom."""

    LIVE = "live"
    """Nodes, sites and the global level, with the delays of a real installation."""
    SHARED = "shared"
    """One model that sees all at once."""
    ISOLATED = "isolated"
    """Every site on its own, with nobody to ask."""


@dataclass(frozen=True)
class _Node:
    site: str
    analyzer: Analyzer
    engine: Engine


class FederatedSubject:
    """Judges a trace of many agents, each of which is a node with an analyzer and an engine of its own.

    After an exchange all nodes of a federation know the same: what the others told them, and what they told the others.
    So nodes share one `Knowledge` here, and only the exchange is simulated: descriptors of a minute, candidates and
    acceptances take effect at the next multiple of ten seconds of event time.
    """

    def __init__(
        self,
        policy: PolicyDocument,
        sites: SiteMap,
        federation: Federation = Federation.LIVE,
        state: bytes | None = None,
        *,
        analyzer: type[Analyzer] = Analyzer,
    ) -> None:
        """Start cold, or warm with the state of an analyzer (`Analyzer.dump`).

        Everything is judged as in enforce mode, whatever modes the policy names, and no quarantine is carried out, so
        that one refusal does not hide the next row. Unknown types and nodes are left to the score, as it is what is
        measured. `analyzer` is what runs on each node.

        Raises:
            ValueError: the state cannot be read.
        """
        overrides = {
            name: each.model_copy(update={"mode": ModeSetting.ENFORCE}) for name, each in policy.service_types.items()
        }
        self._policy = policy.model_copy(
            update={
                "mode": ModeSetting.ENFORCE,
                "service_types": overrides,
                "unknown_type": Handling.FORWARD,
                "unknown_node": Handling.FORWARD,
            }
        )
        self._sites = sites
        self._federation = federation
        self._state = state
        self._analyzer = analyzer
        self._mining = Stopwatch()
        self._rhythm = partial(TimedRhythm, self._mining)
        self._nodes: dict[str, _Node] = {}
        self._known_sites: set[str] = set()
        self._knowledge: dict[str, Knowledge] = {}
        self._callers: dict[tuple[str, str | None], tuple[Engine, Sender]] = {}
        self._clock = ExchangeClock()
        self._minute: int | None = None
        self._unread = False
        if state is not None:
            Analyzer.load(state)

    def judge(self, access: Access) -> Judgement:
        """Score an access, decide, learn.

        Raises:
            TraceError: there are more agents than can be simulated.
        """
        time = access.time
        clock = self._clock
        if not clock.low <= time < clock.due:
            self._tick(time)
        engine, sender = self._callers.get((access.source, access.source_type)) or self._meet(access)
        call = Call(sender=sender, accesses=(access,), time=time, may_quarantine=False)
        verdict = engine.judge(call, now=time / 1000)
        refused = verdict.would_be is not _FORWARD
        if not refused:
            engine.conclude(verdict, accepted=True)
        scores = verdict.scores
        return Judgement(scores[0].av if scores else 0.0, refused)

    @property
    def mining_seconds(self) -> float:
        """What it took to find periods and timers so far."""
        return self._mining.seconds

    @property
    def knowledge(self) -> list[Knowledge]:
        """What is known now: one for each group that shares."""
        return list(self._knowledge.values())

    def dump(self) -> bytes:
        """Return what was learnt, for a warm start of another evaluation or of a gateway (`Analyzer.dump`).

        Only models: what is remembered of the instances, and of the sites, belongs to the trace.

        Raises:
            ValueError: isolated sites have no knowledge in common, or no row was judged.
        """
        if len(self._knowledge) != 1:
            raise ValueError(f"there are {len(self._knowledge)} bodies of knowledge, not one, to be saved")
        analyzer = Analyzer(knowledge=self.knowledge[0].as_starter())
        analyzer.advance(self._clock.now)  # what is stale is told by the newest time
        return analyzer.dump()

    def _tick(self, time: int) -> None:
        turn = self._clock.turn(time)
        if turn is Turn.HELD:
            return
        if turn is Turn.ANEW:
            # What nodes remember of their instances, rates and rhythms, is of another clock; what was learnt stays.
            self._nodes.clear()
            self._callers.clear()
        self._exchange(self._clock.now)

    def _exchange(self, time: int) -> None:
        if self._unread:
            self._read()
        if time // MINUTE != self._minute:
            self._minute = time // MINUTE
            by_site: dict[str, list[Descriptor]] = {}
            for node in self._nodes.values():
                by_site.setdefault(node.site, []).extend(node.analyzer.advance(time))
            for site, descriptors in by_site.items():
                self._knowledge_of(site).fold(descriptors, site)
            self._unread = True
            if self._federation is Federation.SHARED:
                self._read()
        for knowledge in self._knowledge.values():
            knowledge.deliberate(time)

    def _read(self) -> None:
        self._unread = False
        for knowledge in self._knowledge.values():
            knowledge.read()

    def _knowledge_of(self, site: str) -> Knowledge:
        group = site if self._federation is Federation.ISOLATED else "all"
        found = self._knowledge.get(group)
        if found is None:
            found = self._knowledge[group] = (
                Knowledge(origin=group) if self._state is None else Analyzer.load(self._state).knowledge.as_starter()
            )
        return found

    def _meet(self, access: Access) -> tuple[Engine, Sender]:
        """Return the engine that judges a source, and the source as a sender; remembered, but not without end."""
        if len(self._callers) >= MAX_CALLERS:
            self._callers.clear()
        agent = access.source.split("/", 2)[1] if access.source.startswith("/") else ""
        node = self._nodes.get(agent) or self._join(agent)
        sender = Sender(
            address=access.source, service_type=access.source_type, strength=Strength.CERTIFICATE, ip="192.0.2.1"
        )
        found = self._callers[access.source, access.source_type] = node.engine, sender
        return found

    def _join(self, agent: str) -> _Node:
        if len(self._nodes) >= MAX_NODES:
            raise TraceError(
                f"the trace has more than {MAX_NODES} agents, first segments of callers' addresses, each of which is"
                " simulated as a gateway; split it by sites, or judge it with --scoring paper or reference"
            )
        site = self._sites.of(agent)
        if site not in self._known_sites and len(self._known_sites) >= MAX_ORIGINS:
            raise TraceError(
                f"the trace has agents of more than {MAX_ORIGINS} sites, more than are told apart; give fewer, larger"
                " ranges in --sites, or judge a part of the trace"
            )
        self._known_sites.add(site)
        analyzer = self._analyzer(origin=agent, knowledge=self._knowledge_of(site), site=site, rhythm=self._rhythm)
        engine = Engine(analyzer=analyzer, policy=self._policy, revision="evaluation", quarantines=QuarantineRegister())
        node = self._nodes[agent] = _Node(site, analyzer, engine)
        return node
