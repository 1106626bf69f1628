"""A gateway without its sockets: a node with one worker, its engine, and what it tells and is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from models.access import Access
from models.analyzer import Analyzer
from models.candidates import Candidate
from models.contributions import Contribution
from models.exchange.envelope import decode_others, encode_contribution
from models.exchange.showings import Acceptance, Showings
from models.node import Node
from models.relationship import key_of
from models.replica import Replica, Step
from models.score import Score
from policy.document import Handling, ModeSetting, PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.readiness import Readiness, observed
from policy.verdict import Call, Sender, Strength, Verdict

WORKER = 0
REVISION = "simulation"


def policy_in(mode: ModeSetting) -> PolicyDocument:
    """Return the shipped policy in a mode. Unknown types and nodes are left to the score, as it is what is measured."""
    return PolicyDocument(mode=mode, unknown_type=Handling.FORWARD, unknown_node=Handling.FORWARD)


class Gateway:
    """Judges calls, learns, and speaks with a federation service in its real bytes. Times are event time in ms.

    No quarantine is carried out, so that one refusal does not hide the next call.
    """

    def __init__(self, state: bytes | None = None, *, mode: ModeSetting, federated: bool) -> None:
        """Begin with a stored state (`Analyzer.dump`), or with nothing known."""
        self._node = Node(state)
        self._node.federated = federated
        self._node.join(WORKER)
        self._analyzer = Analyzer.load(self._node.dump(WORKER), replica=True)
        self._replica = cast("Replica", self._analyzer.knowledge)
        self._policy = policy_in(mode)
        self._engine = Engine(
            analyzer=self._analyzer, policy=self._policy, revision=REVISION, quarantines=QuarantineRegister()
        )
        self._readiness = Readiness()
        self._senders: dict[tuple[str, str | None], Sender] = {}
        self._sequence = 0
        self._told: dict[str, str] = {}
        """Version of what is known of the others, by service type."""

    def switch(self, mode: ModeSetting) -> None:
        """Judge in another mode from now on."""
        self._policy = policy_in(mode)
        self._engine.replace_policy(self._policy, REVISION)

    def judge(self, access: Access) -> Verdict:
        """Judge an access as a call of its own; it teaches as its verdict says."""
        name = access.source, access.source_type
        sender = self._senders.get(name)
        if sender is None:
            sender = self._senders[name] = Sender(
                address=access.source, service_type=access.source_type, strength=Strength.CERTIFICATE, ip="192.0.2.1"
            )
        call = Call(sender=sender, accesses=(access,), time=access.time, may_quarantine=False)
        verdict = self._engine.judge(call, now=access.time / 1000)
        self._engine.conclude(verdict, accepted=True)
        return verdict

    def probe(self, access: Access) -> Score:
        """Return how unusual an access would be; its rate counts, but it neither teaches nor becomes a candidate."""
        return self._analyzer.score(access)

    @property
    def ready(self) -> frozenset[str]:
        """The service types that `mode: auto` enforces."""
        return self._readiness.ready

    def tick(self, time: int) -> None:
        """Do what a gateway does every few seconds: hand over candidates, close a minute that is over."""
        if sightings := self._replica.take_sightings():
            self._follow(self._node.see(sightings))
        report = self._analyzer.report(time)
        if report is not None:
            for step in self._node.report(WORKER, report, time / 1000):
                self._follow(step)
            self._look()

    def publish(self) -> dict[str, bytes]:
        """Return the bytes of what was learnt here, by service type: cumulative, newer than all before."""
        self._sequence += 1
        return {
            model.service_type: encode_contribution(Contribution(epoch=1, sequence=self._sequence, model=model))
            for model in self._node.contributions()
        }

    def showings(self) -> Showings:
        """Return what others may know of the candidates here."""
        return self._node.showings()

    def adopt(self, service_type: str, told: bytes, time: int) -> None:
        """Take over what a service told of the others.

        Raises:
            BadContribution: these bytes are not of a service.
        """
        self._follow(self._node.adopt(service_type, decode_others(service_type, told, now_minute=time // 60_000)))
        self._node.hear()
        self._look()

    def hear(self) -> None:
        """Note that the service answered, if only that nothing is new."""
        self._node.hear()

    def accept(self, acceptances: Iterable[Acceptance]) -> None:
        """Take over what enough sites vouched for."""
        self._follow(self._node.accept(acceptances))

    def withdraw(self, candidates: Iterable[Candidate]) -> None:
        """Expect no more what too few sites vouch for by now."""
        self._follow(self._node.withdraw(candidates))

    def expects(self, access: Access) -> bool:
        """Whether it was decided that an access is expected, although it is new."""
        key = key_of(access)
        return any(each.key == key and given.allowed for each, given in self._node.knowledge.answers.items())

    def dump(self) -> bytes:
        """Return what a gateway stores."""
        return self._node.dump()

    def _follow(self, step: Step | None) -> None:
        if step is not None:
            self._analyzer.follow(step)

    def _look(self) -> None:
        self._readiness.observe(observed(self._node.knowledge), self._policy.readiness, self._node.learnt)
        self._engine.replace_ready(self._readiness.ready)
