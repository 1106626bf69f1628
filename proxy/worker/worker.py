"""Builds one worker from what the supervisor tells it, serves, and ends (composition root of the worker)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping

import structlog

from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from models.paper.analyzer import PaperAnalyzer
from models.paper.communication_model import CommunicationModel as PaperModel
from policy.document import PolicyDocument, Scoring
from policy.engine import Engine
from policy.quarantine import ProtectedError, QuarantineRegister
from policy.verdict import Verdict
from proxy.advice import Advice
from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.opening import workers_log
from proxy.audit.trail import AuditTrail
from proxy.client_certificates import ClientCertificates
from proxy.clocks import EventClock, real_now
from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.connections import ConnectionTable
from proxy.enforcement import Enforcement
from proxy.gateway import Gateway
from proxy.hooks import Gatekeeper, Hooks
from proxy.http1.bad_message import BadMessage
from proxy.inference import Inference
from proxy.judging import Judging
from proxy.knowledge_agent import services
from proxy.peers import Peers, known_agents, structure_sources
from proxy.processes.channel import Channel, ChannelClosed
from proxy.processes.messages import (
    Beat,
    Begin,
    Follow,
    Free,
    Hinted,
    Hold,
    InForce,
    Judge,
    Knows,
    Maps,
    Ready,
    Refreshed,
    Revoke,
    Serving,
    Stop,
    ToSupervisor,
    ToWorker,
    TypeStatus,
)
from proxy.protection import fixed_protection
from proxy.registry import AgentStructure, SiteRegistry
from proxy.revocation import RevocationsInForce
from proxy.tls import TlsFilesError
from proxy.tls_contexts import TlsContexts, contexts
from proxy.transactions import Transactions
from proxy.worker.access_points import AccessPoints
from proxy.worker.learning import Learning
from proxy.worker.misses import Misses
from proxy.worker.quarantine import WorkerQuarantine
from proxy.worker.registrations import Registrations
from proxy.worker.revocation import WorkerRevocation
from proxy.worker.sightings import Sightings

_TICK_SECONDS = 0.25
_BEFORE_THE_VERDICT = frozenset({"client_connected", "http1"})
"""Places whose failure refuses what is at hand."""

log = structlog.get_logger("alleyes")


class CannotServe(Exception):
    """The worker cannot serve; `problems` has one line for each reason, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Worker:
    """One worker from start to end. Make it inside a running event loop, then `run` it once."""

    def __init__(self, begin: Begin, channel: Channel[ToSupervisor, ToWorker], clock: EventClock) -> None:
        """Build it.

        Raises:
            CannotServe: with every reason why it cannot serve.
        """
        self._begin = begin
        self._channel = channel
        self._clock = clock
        self._document = document = GatewayDocument.model_validate_json(begin.document)
        policy = PolicyDocument.model_validate_json(begin.policy)
        inventory = InventoryDocument.model_validate_json(begin.inventory)
        self._analyzer = _analyzer(policy.scoring, begin.state)
        self._register = QuarantineRegister(fixed=fixed_protection(document, inventory))
        self._engine = Engine(
            analyzer=self._analyzer, policy=policy, revision=begin.revision, quarantines=self._register
        )
        self._engine.replace_ready(begin.ready)
        for past in begin.history:
            self._register.history.note(past)
        for entry in begin.quarantines:
            with contextlib.suppress(ProtectedError):
                self._register.add(entry, now=real_now())
        self._registry = SiteRegistry(inventory, known_agents(document))
        for agent, structure in begin.structures.items():
            self._know(agent, structure)
        limits = document.limits
        share = -(-limits.connections // document.workers)
        self._connections = ConnectionTable(most=share, most_of_one=limits.connections_per_address)
        revocations = RevocationsInForce(begin.revocations)
        try:
            secured = contexts(document, revocations)
        except TlsFilesError as error:
            raise CannotServe([str(error)]) from error
        try:
            self._journal = workers_log(document, begin.number)
        except JournalError as error:
            raise CannotServe([str(error)]) from error
        self._trail = AuditTrail(self._journal, real_now, every=document.audit.sample)
        self._advice = Advice(
            self._trail, self._trail.tls_refused, lambda who, remedy: log.warning("service", who=who, detail=remedy)
        )
        self._inference = Inference(inventory.inference, self._trail.inferred_otherwise)
        self._inference.replace_hints(begin.hints)
        self._access_points = AccessPoints(document, self._registry, begin.mappings)
        self._failures = 0
        self._gateway = Gateway(document, document.state_directory, worker=begin.number)
        self._quarantine = WorkerQuarantine(
            register=self._register,
            connections=self._connections,
            registry=self._registry,
            abort=self._gateway.abort,
            send=channel.send,
            forgive=self._engine.forgive,
            real_now=real_now,
        )
        self._revocation = WorkerRevocation(
            revocations, self._connections, self._gateway.abort, on_expiry=self._expired
        )
        self._registrations = Registrations(channel.send)
        self._misses = Misses(frozenset(structure_sources(document)), channel.send)
        self._learning = Learning(analyzer=self._analyzer, clock=clock, send=channel.send)
        self._sightings = Sightings(channel.send)
        self._hooks = Hooks(self._gatekeeper(secured))

    async def run(self) -> None:
        """Serve until the supervisor says `Stop`; then hand over what was learnt.

        Raises:
            CannotServe: a listener cannot be opened.
            ChannelClosed: the supervisor has ended.
        """
        self._gateway.install(self._hooks, on_running=lambda: self._channel.send(Serving()))
        listening, ticking = asyncio.create_task(self._listen()), asyncio.create_task(self._tick())
        for task in (listening, ticking):
            task.add_done_callback(lambda _: self._gateway.shut_down())
        try:
            await self._gateway.run()
        except SystemExit as error:
            raise CannotServe(["a listener could not be opened; see the lines above"]) from error
        finally:
            ticking.cancel()
            with contextlib.suppress(JournalError):
                self._trail.count(all_of_it=True)
            self._journal.close()
        if ticking.done() and not ticking.cancelled():
            ticking.result()
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        self._learning.finish()

    async def _listen(self) -> None:
        """Do what the supervisor says, until it says `Stop`."""
        while not isinstance(message := await self._channel.receive(), Stop):
            self._take(message)

    def _take(self, message: ToWorker) -> None:
        match message:
            case Knows():
                self._know(message.agent, message.structure)
            case Maps():
                self._access_points.replace(message.agent, message.mapping, self._connections, self._gateway.abort)
            case Refreshed():
                self._registrations.refreshed(message.ticket)
            case Follow():
                self._learning.follow(message.step)
            case Hinted():
                self._inference.replace_hints(message.by_address)
            case _:
                self._enforce(message)

    def _enforce(self, message: ToWorker) -> None:
        """Take what changes what is refused."""
        match message:
            case Judge():
                self._judge_by(PolicyDocument.model_validate_json(message.policy), message.revision)
            case Ready():
                self._engine.replace_ready(message.service_types)
            case Hold():
                self._quarantine.hold(message.entry, real_now())
            case Free():
                self._quarantine.free(message.identity)
            case Revoke():
                self._revocation.replace(message.revocations)
            case _:
                raise ChannelClosed(f"{type(message).__name__} while serving")

    def _know(self, agent: str, structure: AgentStructure) -> None:
        """Make every service that an access point knows known to the models: its idle minutes count from now on."""
        self._registry.replace_agent(agent, structure)
        now = self._clock.now()
        for address, service_type in services(agent, structure):
            self._analyzer.register(address, service_type, now)

    def _judge_by(self, policy: PolicyDocument, revision: str) -> None:
        self._engine.replace_policy(policy, revision)
        # They were let open by the policy before; services open them again, and are judged.
        self._gateway.abort(self._connections.channels())
        self._channel.send(InForce(revision))

    async def _tick(self) -> None:
        beats = False
        while True:
            for client_id, phase in self._connections.overdue(time.monotonic()):
                self._gateway.abort([client_id])
                self._hooks.expired(client_id, phase)
            self._learning.advance()
            self._sightings.renew(time.monotonic())
            self._quarantine.expire(real_now())
            with contextlib.suppress(JournalError):
                self._trail.count()
            if beats := not beats:
                self._revocation.expire(real_now())
                self._channel.send(self._beat())
            await asyncio.sleep(_TICK_SECONDS)

    def _beat(self) -> Beat:
        models: Mapping[str, CommunicationModel | PaperModel] = self._analyzer.models()
        knowledge = getattr(self._analyzer, "knowledge", None)
        return Beat(
            pid=os.getpid(),
            event_time=self._clock.now(),
            service_types={
                name: TypeStatus(
                    self._engine.rules(name).mode, model.weight, len(model.relationships), self._learning.told(name)
                )
                for name, model in sorted(models.items())
            },
            connections=len(self._connections),
            quarantined=len(self._register),
            forwarded=self._trail.forwarded,
            refused=self._trail.refused,
            broken=self._failures,
            unseen=getattr(knowledge, "unseen", 0),
            audit_pending=self._journal.pending,
            audit_lost=self._journal.lost,
            audit_error=self._journal.last_error if self._journal.failing else None,
        )

    def _gatekeeper(self, secured: TlsContexts) -> Gatekeeper:
        return Gatekeeper(
            judging=Judging(
                enforcement=Enforcement(
                    engine=self._engine,
                    log=self._advice,
                    clock=self._clock,
                    real_now=real_now,
                    on_quarantine=self._quarantine.enter,
                ),
                registry=self._registry,
                inference=self._inference,
                transactions=Transactions(),
                on_miss=self._misses.missed,
                on_sighting=self._sightings.note,
                on_broken=self._broken,
                on_rollback=self._rolled_back,
                on_misbehaviour=self._misbehaved,
            ),
            registry=self._registry,
            destinations=self._access_points.by_place,
            connections=self._connections,
            peers=Peers(self._document.peers),
            contexts=secured,
            certificates=ClientCertificates(self._registry.inventory.services, self._document.tls),
            tls=self._document.tls,
            agents={each.agent: each.tls for each in self._document.access_points if each.decoder == "vsl"},
            revocations=self._revocation.in_force,
            limits=self._document.limits,
            on_tls_refusal=self._advice.handshake_failed,
            on_impostor=self._advice.impostor,
            on_conflict=self._trail.identity_conflict,
            on_crowd=self._trail.crowded,
            on_registration=self._registrations.registered,
        )

    def _broken(self, place: str, error: BaseException) -> None:
        """Record that the gateway itself failed; a call that was not decided yet was refused."""
        consequence = "the call was refused" if place in _BEFORE_THE_VERDICT else "what was decided before stays"
        self._failures += 1
        log.error("broken", place=place, exc_info=error)
        with contextlib.suppress(Exception):
            self._trail.note(
                Kind.BROKEN,
                f"The gateway failed in {place}; {consequence}.",
                place=place,
                error=f"{type(error).__name__}: {error}",
            )

    def _expired(self, ip: str, reason: str) -> None:
        """Record that a connection ended with its certificate."""
        with contextlib.suppress(JournalError):  # a full audit log must not end whoever cuts the others
            self._trail.tls_refused(ip, reason)

    def _rolled_back(self, root: str, verdict: Verdict) -> None:
        """Record a call that no service made; the refusal that led to it is on record by itself."""
        with contextlib.suppress(JournalError):
            self._trail.rolled_back(root, verdict)

    def _misbehaved(self, agent: str, problem: BadMessage) -> None:
        """Record that an access point sent what it should not; what it answered was not passed on."""
        log.warning("access point", agent=agent, detail=problem.detail)
        with contextlib.suppress(Exception):
            self._trail.note(
                Kind.BROKEN, f"{agent} broke the protocol: {problem.detail}.", place=problem.code, agent=agent
            )


def _analyzer(scoring: Scoring, state: bytes) -> Analyzer | PaperAnalyzer:
    if scoring is Scoring.PAPER:
        return PaperAnalyzer.load(state) if state else PaperAnalyzer()
    return Analyzer.load(state, replica=True)
