"""Builds the running gateway from its configuration, starts it, and ends it (composition root)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from models.communication_model import CommunicationModel
from models.paper.communication_model import CommunicationModel as PaperModel
from policy.document import Scoring
from policy.engine import Engine
from policy.loading import DocumentError, load_document
from policy.protection import Protection
from policy.quarantine import QuarantineRegister
from proxy import certificates, health, preflight, stored_state, tls
from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.journal import Journal
from proxy.audit.layout import DIRECTORY as AUDIT_DIRECTORY
from proxy.audit.trail import AuditTrail
from proxy.clocks import EventClock, MonotonicEventClock, real_now
from proxy.configuration import AccessPoint, GatewayDocument, InventoryDocument, TlsMode
from proxy.connections import ConnectionTable, Destination
from proxy.decoders.vsl import VslDecoder
from proxy.enforcement import Enforcement
from proxy.firewall.commands import InstallTable
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import FirewallError
from proxy.firewall.plan import Plan, PlanError
from proxy.gateway import Gateway
from proxy.hooks import Gatekeeper, Hooks, TlsContexts
from proxy.http1.bad_message import BadMessage
from proxy.judging import Judging
from proxy.knowledge_agent import services
from proxy.learning import Learning
from proxy.plan import firewall_plan
from proxy.policy_file import LoadedPolicy, load_policy, reload_policy
from proxy.quarantine import QuarantineKeeper
from proxy.registry import AgentStructure, SiteRegistry
from proxy.registry_refresh import RegistryRefresh
from proxy.storage.address_store import AddressStore
from proxy.storage.model_store import ModelStore, ModelStoreError, new_analyzer
from proxy.storage.plan_store import PlanStore
from proxy.storage.quarantine_store import QuarantineStore, QuarantineStoreError
from proxy.table_watch import TableWatch

_TICK_SECONDS = 0.25
_BEFORE_THE_VERDICT = frozenset({"client_connected", "http1"})
"""Places whose failure refuses what is at hand."""
_KERNEL_SECONDS = 10.0

ClockFactory = Callable[[int], EventClock]
"""Makes the event clock; given the newest event time that the stored models have seen (ms, 0 for none)."""

log = structlog.get_logger("alleyes")


class StartRefused(Exception):
    """The gateway cannot start; `problems` has one line for each reason, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def wall_clock(newest: int) -> EventClock:
    """Return event time that starts at real time, or at what the models have seen if the machine's clock is behind."""
    return MonotonicEventClock(start=max(int(real_now() * 1000), newest))


@dataclass(frozen=True)
class Inputs:
    """Everything that is read before anything is changed."""

    document: GatewayDocument
    policy: LoadedPolicy
    inventory: InventoryDocument
    contexts: TlsContexts | None
    plan: Plan
    """What the kernel is to enforce."""


def read_inputs(document: GatewayDocument) -> Inputs:
    """Read and check policy, inventory and certificates.

    Raises:
        StartRefused: with every problem found.
    """
    problems: list[str] = []
    policy: LoadedPolicy | None = None
    inventory: InventoryDocument | None = None
    contexts: TlsContexts | None = None
    try:
        policy = load_policy(document.policy)
    except DocumentError as error:
        problems += [str(problem) for problem in error.problems]
    try:
        inventory = load_document(document.inventory, InventoryDocument)
    except DocumentError as error:
        problems += [str(problem) for problem in error.problems]
    wrong = [] if document.tls is None else certificates.problems(document.tls, datetime.fromtimestamp(real_now(), UTC))
    problems += wrong
    try:
        contexts = None if wrong else _contexts(document)
    except tls.TlsFilesError as error:
        problems.append(str(error))
    plan: Plan | None = None
    # The files' own checks leave nothing to object to, and say it better; this is for what they do not know of.
    place = "gateway.yaml"
    try:
        firewall_plan(document, InventoryDocument())
        place = str(document.inventory)
        plan = firewall_plan(document, inventory or InventoryDocument())
    except PlanError as error:
        problems.append(f"{place}: {error} -- correct it; the firewall cannot have it in a rule")
    if problems or policy is None or inventory is None or plan is None:
        raise StartRefused(problems)
    return Inputs(document=document, policy=policy, inventory=inventory, contexts=contexts, plan=plan)


def _contexts(document: GatewayDocument) -> TlsContexts | None:
    if document.tls is None:
        return None
    secured = [point.agent for point in document.access_points if point.tls is TlsMode.REQUIRED]
    return TlsContexts(
        towards_services=tls.towards_services(document.tls),
        towards_access_points={agent: tls.towards_access_point(document.tls, agent) for agent in secured},
    )


class Service:
    """The gateway from start to end. Make it, then `run` it once."""

    def __init__(self, inputs: Inputs, *, clock: ClockFactory = wall_clock) -> None:
        """Open the state on disk.

        Raises:
            StartRefused: with every reason why it cannot be used.
        """
        self._inputs = inputs
        document = inputs.document
        problems: list[str] = []
        state = _state_directory(document.state_directory)
        self._model_store = ModelStore(state, inputs.policy.document.scoring)
        try:
            loaded = self._model_store.load()
        except ModelStoreError as error:
            problems.append(str(error))
        try:
            self._quarantine_store = QuarantineStore(state)
        except QuarantineStoreError as error:
            problems.append(str(error))
        try:
            self._journal = Journal(state / AUDIT_DIRECTORY, capacity=document.limits.audit_queue)
        except JournalError as error:
            problems.append(str(error))
        if problems:
            raise StartRefused(problems)
        if loaded.warning is not None:
            log.warning("models", detail=loaded.warning)
        self._analyzer = loaded.analyzer or new_analyzer(inputs.policy.document.scoring)
        self._clock = clock(self._analyzer.newest)
        self._trail = AuditTrail(self._journal, real_now)
        self._register = QuarantineRegister(fixed=_fixed_protection(document, inputs.inventory))
        self._engine = Engine(
            analyzer=self._analyzer,
            policy=inputs.policy.document,
            revision=inputs.policy.revision,
            quarantines=self._register,
        )
        agents = frozenset(point.agent for point in document.access_points)
        self._registry = SiteRegistry(inputs.inventory, agents)
        self._connections = ConnectionTable(
            most=document.limits.connections, most_of_one=document.limits.connections_per_address
        )
        self._address_store = AddressStore(state)
        self._connections.remember(self._address_store.load())
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        self._firewall = FirewallHelper()
        self._plan = inputs.plan
        self._health = health.HealthFile(state)
        self._failures = 0

    async def run(self) -> None:
        """Install the firewall's table, serve until SIGTERM or SIGINT, and stop; guards and quarantines stay behind.

        Raises:
            StartRefused: the table cannot be installed or a listener cannot be opened.
        """
        try:
            await self._serve()
        finally:
            self._background.shutdown(wait=True)
            self._firewall.close()
            self._quarantine_store.close()
            self._journal.close()

    async def _serve(self) -> None:
        document = self._inputs.document
        gateway = Gateway(document, document.state_directory)
        keeper = self._keeper(gateway)
        self._install_table(keeper)
        self._remember_plan()
        refresh = RegistryRefresh(
            points={point.agent: point for point in document.access_points},
            tls=document.tls,
            registry=self._registry,
            on_structure=self._know_services,
            on_problem=lambda line: log.warning("types", detail=line),
        )
        hooks = Hooks(self._gatekeeper(keeper, refresh))
        gateway.install(hooks)
        learning = Learning(
            analyzer=self._analyzer,
            clock=self._clock,
            store=self._model_store,
            background=self._background,
            on_problem=lambda line: log.error("models", detail=line),
        )
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self.reload_policy, keeper, gateway)
        for ending in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(ending, gateway.shut_down)
        mode = self._inputs.policy.document.mode
        self._trail.note(
            Kind.START,
            f"The gateway started, {mode} mode, policy {self._engine.revision}.",
            mode=mode,
            policy_revision=self._engine.revision,
        )
        await refresh.before_serving()
        tasks = [
            asyncio.create_task(work)
            for work in (
                refresh.forever(),
                self._table_watch(keeper).forever(),
                self._tick(learning, keeper, gateway, hooks),
            )
        ]
        for task in tasks:
            task.add_done_callback(lambda ended: _end_if_failed(ended, gateway))
        try:
            await gateway.run()
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()
        except SystemExit as error:
            raise StartRefused(["a listener could not be opened; see the lines above"]) from error
        finally:
            for task in tasks:
                task.cancel()
            self._end(learning)

    def _know_services(self, agent: str, structure: AgentStructure) -> None:
        """Make every service that an access point knows known to the models: its idle minutes count from now on."""
        now = self._clock.now()
        for address, service_type in services(agent, structure):
            self._analyzer.register(address, service_type, now)

    def reload_policy(self, keeper: QuarantineKeeper, gateway: Gateway) -> None:
        """Read the policy again; a broken file changes nothing."""
        try:
            policy = reload_policy(self._inputs.document.policy, self._inputs.policy.document.scoring)
        except DocumentError as error:
            for problem in error.problems:
                log.error("policy not reloaded", detail=str(problem))
            self._trail.note(
                Kind.POLICY_RELOAD,
                "The new policy is broken; the one in force stays.",
                problems=[str(problem) for problem in error.problems],
                policy_revision=self._engine.revision,
            )
            return
        for entry in self._engine.replace_policy(policy.document, policy.revision):
            keeper.release(entry)
        # They were let open by the policy before; services open them again, and are judged.
        gateway.abort(self._connections.channels())
        self._trail.note(
            Kind.POLICY_RELOAD,
            f"Policy {policy.revision} is in force, {policy.document.mode} mode.",
            mode=policy.document.mode,
            policy_revision=policy.revision,
        )
        log.info("policy reloaded", revision=policy.revision, mode=str(policy.document.mode))

    def _keeper(self, gateway: Gateway) -> QuarantineKeeper:
        return QuarantineKeeper(
            register=self._register,
            store=self._quarantine_store,
            firewall=self._firewall,
            connections=self._connections,
            registry=self._registry,
            log=self._trail,
            abort=gateway.abort,
            background=self._background,
            on_broken=self._broken,
        )

    def _gatekeeper(self, keeper: QuarantineKeeper, refresh: RegistryRefresh) -> Gatekeeper:
        on_registration: Callable[[str], Awaitable[None]] = refresh.after_registration
        return Gatekeeper(
            judging=Judging(
                enforcement=Enforcement(
                    engine=self._engine,
                    log=self._trail,
                    clock=self._clock,
                    real_now=real_now,
                    on_quarantine=keeper.enter,
                ),
                registry=self._registry,
                connections=self._connections,
                on_broken=self._broken,
                on_misbehaviour=self._misbehaved,
            ),
            registry=self._registry,
            destinations=self._destinations(),
            connections=self._connections,
            contexts=self._inputs.contexts,
            limits=self._inputs.document.limits,
            on_tls_refusal=self._trail.tls_refused,
            on_crowd=self._trail.crowded,
            on_registration=on_registration,
        )

    def _destinations(self) -> dict[tuple[str, int], Destination]:
        limits = self._inputs.document.limits
        found: dict[tuple[str, int], Destination] = {}
        for point in self._inputs.document.access_points:
            for address in (point.ipv4, point.ipv6):
                if address is None:
                    continue
                decoder = VslDecoder(
                    agent=point.agent,
                    authority=_authority(point, str(address)),
                    registry=self._registry,
                    most_accesses=limits.accesses_per_call,
                )
                found[(str(address), point.port)] = Destination(point=point, decoder=decoder)
        return found

    def _table_watch(self, keeper: QuarantineKeeper) -> TableWatch:
        def restored(changed: tuple[str, ...]) -> None:
            log.error("somebody changed the firewall's table; it was put back", changed=changed)
            self._trail.note(
                Kind.BROKEN,
                f"Somebody removed or changed the firewall's table ({', '.join(changed)}); it was put back.",
                place="firewall",
            )

        return TableWatch(
            firewall=self._firewall,
            installation=lambda: InstallTable(plan=self._plan, entries=keeper.kernel_entries()),
            on_restored=restored,
            on_problem=lambda line: log.error("the firewall's table", detail=line),
        )

    def _install_table(self, keeper: QuarantineKeeper) -> None:
        try:
            entries = keeper.restore(real_now())
            self._firewall.start()
            applied = self._firewall.submit(InstallTable(plan=self._plan, entries=entries)).result(_KERNEL_SECONDS)
        except (FirewallError, QuarantineStoreError, ValueError) as error:
            raise StartRefused([str(error)]) from error
        if applied.left_out or applied.protected:
            log.warning("quarantines not in the kernel", no_room=applied.left_out, protected=applied.protected)

    def _remember_plan(self) -> None:
        """Store what is enforced now, for `alleyes guard` at a boot at which the configuration is broken."""
        try:
            PlanStore(self._inputs.document.state_directory).save(self._plan)
        except OSError as error:
            log.error("the plan was not stored", detail=str(error))

    async def _tick(self, learning: Learning, keeper: QuarantineKeeper, gateway: Gateway, hooks: Hooks) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            for client_id, phase in self._connections.overdue(time.monotonic()):
                gateway.abort([client_id])
                hooks.expired(client_id, phase)
            if learning.advance():
                self._background.submit(self._store_addresses, self._connections.senders())
            keeper.expire(real_now())
            if self._health.due():
                self._background.submit(self._health.write, self._status())

    def _store_addresses(self, senders: dict[str, list[str]]) -> None:
        try:
            self._address_store.save(senders)
        except OSError as error:
            log.error("addresses not stored", detail=str(error))

    def _status(self) -> health.Status:
        models: Mapping[str, CommunicationModel | PaperModel] = self._analyzer.models()
        return health.Status(
            pid=os.getpid(),
            mode=self._engine.rules(None).mode,
            policy_revision=self._engine.revision,
            event_time=self._clock.now(),
            types_known={p.agent: self._registry.knows_agent(p.agent) for p in self._inputs.document.access_points},
            service_types={
                name: health.TypeStatus(self._engine.rules(name).mode, model.weight, len(model.relationships))
                for name, model in sorted(models.items())
            },
            connections=len(self._connections),
            quarantined=len(self._register),
            quarantines_evicted=self._register.evictions,
            forwarded=self._trail.forwarded,
            refused=self._trail.refused,
            broken=self._failures,
            audit_pending=self._journal.pending,
            audit_lost=self._journal.lost,
            audit_error=self._journal.last_error if self._journal.failing else None,
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

    def _misbehaved(self, agent: str, problem: BadMessage) -> None:
        """Record that an access point sent what it should not; what it answered was not passed on."""
        log.warning("access point", agent=agent, detail=problem.detail)
        with contextlib.suppress(Exception):
            self._trail.note(
                Kind.BROKEN, f"{agent} broke the protocol: {problem.detail}.", place=problem.code, agent=agent
            )

    def _end(self, learning: Learning) -> None:
        self._health.clear()
        self._background.shutdown(wait=True)
        try:
            learning.store_now()
        except OSError as error:
            log.error("models not stored at the end", detail=str(error))
        self._trail.note(Kind.STOP, "The gateway stopped; its guards and quarantines stay.")


def _state_directory(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartRefused(
            [f"state_directory {path}: {error.strerror}; make it, or give another one in gateway.yaml"]
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StartRefused([f"state_directory {path}: is not writable; give it to the gateway's user"])
    return path


def _fixed_protection(document: GatewayDocument, inventory: InventoryDocument) -> Protection:
    own = [document.listen.ipv4, document.listen.ipv6]
    points = [address for point in document.access_points for address in (point.ipv4, point.ipv6)]
    return Protection.of([str(address) for address in [*own, *points, *inventory.protected] if address is not None])


def _authority(point: AccessPoint, address: str) -> str:
    return f"[{address}]:{point.port}" if ":" in address else f"{address}:{point.port}"


def _end_if_failed(task: asyncio.Task[None], gateway: Gateway) -> None:
    """A gateway whose learning or expiry has died must not look alive: end it, with the guards in place."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a background task failed; the gateway ends", reason=str(error))
        gateway.shut_down()


def prepare(document: GatewayDocument) -> Inputs:
    """Read everything and look at this machine; nothing is changed.

    Raises:
        StartRefused: with every problem of files, machine and stored state.
    """
    problems: list[str] = []
    scoring = Scoring.ALLEYES
    try:
        inputs = read_inputs(document)
        scoring = inputs.policy.document.scoring
    except StartRefused as refused:
        problems += refused.problems
    problems += machine_problems(document)
    if problems:
        # Without one of those the state is read when it is opened.
        raise StartRefused(problems + stored_state.look(document.state_directory, scoring).problems)
    return inputs


def machine_problems(document: GatewayDocument, *, ports: bool = True) -> list[str]:
    """Return what of this machine keeps the gateway from starting, one line each, with the remedy.

    Args:
        document: `gateway.yaml`; no other file is needed, so that a mistake there does not hide what is wrong here.
        ports: whether the ports must be free; they are not while the gateway runs.
    """
    try:
        plan = firewall_plan(document, InventoryDocument())
    except PlanError:
        return []
    return preflight.check(plan, ports=ports)
