"""Builds the gateway from its configuration, keeps its workers, and ends it (composition root of the supervisor)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from policy.protection import Protection
from policy.quarantine import ProtectedError, QuarantineRegister
from proxy import health
from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.layout import DIRECTORY as AUDIT_DIRECTORY
from proxy.audit.notary import Notary
from proxy.audit.trail import AuditTrail
from proxy.carriers import Carriers, inventoried
from proxy.clocks import real_now
from proxy.control.messages import PolicyState
from proxy.control.refusal import NotDone
from proxy.control.server import ControlServer
from proxy.firewall.addresses import own_addresses
from proxy.firewall.helper import FirewallHelper
from proxy.inputs import Inputs, StartRefused
from proxy.kernel_quarantines import KernelQuarantines
from proxy.peers import known_agents, structure_sources
from proxy.places import Places
from proxy.policy_file import LoadedPolicy
from proxy.processes.documents import written
from proxy.processes.messages import (
    Begin,
    Follow,
    Hinted,
    Hold,
    InForce,
    Knows,
    Minute,
    Missed,
    Quarantined,
    Refreshed,
    Registered,
    Revoke,
    Seen,
    Sighted,
    ToSupervisor,
)
from proxy.protection import fixed_protection
from proxy.quarantine import QuarantineKeeper
from proxy.registry import AgentStructure, SiteRegistry
from proxy.registry_refresh import RegistryRefresh
from proxy.revocation import RevocationsInForce
from proxy.storage.address_store import AddressStore
from proxy.storage.mappings_store import MappingsStore
from proxy.storage.policy_store import PolicyStore
from proxy.storage.readiness_store import ReadinessStore
from proxy.supervisor.by_hand import QuarantinesByHand
from proxy.supervisor.dead_man import DeadMan
from proxy.supervisor.federation import Federation, NodeEnds
from proxy.supervisor.hints import HintWatch
from proxy.supervisor.kernel_table import KernelTable
from proxy.supervisor.lookups import Lookups
from proxy.supervisor.mappings import MappingsInForce
from proxy.supervisor.node_models import node_models
from proxy.supervisor.policy_in_force import PolicyInForce
from proxy.supervisor.revocation_watch import RevocationWatch
from proxy.supervisor.state_files import StateFiles
from proxy.supervisor.state_on_disk import StateOnDisk, seed
from proxy.supervisor.status import together
from proxy.supervisor.thing_watch import thing_watch
from proxy.supervisor.type_readiness import TypeReadiness
from proxy.supervisor.workers import Listener, Workers

_TICK_SECONDS = 0.25

StartOfTime = Callable[[int], int]
"""Returns event time (ms) at the start, given the newest one that the stored models have seen (0 for none)."""

log = structlog.get_logger("alleyes")


def wall_time(newest: int) -> int:
    """Return real time, or what the models have seen if the machine's clock is behind."""
    return max(int(real_now() * 1000), newest)


class Supervisor:
    """The gateway from start to end. Make it, then `run` it once."""

    def __init__(
        self, inputs: Inputs, command: Sequence[str], firewall: FirewallHelper, *, start: StartOfTime = wall_time
    ) -> None:
        """Open the state on disk.

        Args:
            inputs: What was read and checked.
            command: Program and arguments of a worker.
            firewall: Not started yet.
            start: When event time begins.

        Raises:
            StartRefused: with every reason why it cannot be used.
        """
        self._inputs = inputs
        document = inputs.document
        disk = StateOnDisk.opened(inputs)
        state = disk.directory
        self._quarantine_store, self._journal = disk.quarantines, disk.journal
        self._models = node_models(inputs.policy.document.scoring, disk.models)
        self._start = start(self._models.newest)
        self._origin = time.monotonic()
        self._trail = AuditTrail(self._journal, real_now)
        self._notary = Notary(state / AUDIT_DIRECTORY, disk.key, self._trail, clock=real_now)
        self._register = QuarantineRegister(fixed=fixed_protection(document, inputs.inventory))
        self._register.protect(Protection.of(inputs.policy.document.quarantine.protected))
        self._registry = SiteRegistry(inputs.inventory, known_agents(document))
        self._structures: dict[str, AgentStructure] = {}
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        self._kernel_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kernel")
        addresses = AddressStore(state)
        self._carriers = Carriers(inventoried(inputs.inventory))
        self._carriers.load(addresses.load())
        self._files = StateFiles(
            models=disk.model_store,
            addresses=addresses,
            dump=self._models.dump,
            seen=self._carriers.dump,
            background=self._background,
        )
        self._firewall = firewall
        self._plan = msgspec.structs.replace(inputs.plan, seed=seed(state, inputs.plan))
        self._health = health.HealthFile(state)
        self._failures = 0
        self._ending = asyncio.Event()
        self._keeper = QuarantineKeeper(
            register=self._register,
            kernel=KernelQuarantines(firewall, self._kernel_full),
            store=self._quarantine_store,
            log=self._trail.quarantine,
            kernel_thread=self._kernel_thread,
            background=self._background,
            on_broken=self._broken,
            carriers=self._carriers,
            places=Places(),
        )
        self._table = KernelTable(self._plan, firewall, self._keeper, self._trail, state)
        self._revocation = RevocationWatch(
            tls=document.tls,
            lists=inputs.revocations,
            in_force=RevocationsInForce(),
            notes=self._trail,
            real_now=real_now,
            on_change=self._revoke,
        )
        self._hints = HintWatch(inputs.inventory, real_now, lambda hints: self._workers.tell_all(Hinted(hints)))
        self._refresh = RegistryRefresh(
            points=structure_sources(document),
            tls=document.tls,
            revocations=self._revocation.in_force,
            registry=self._registry,
            on_structure=self._know,
            on_problem=lambda line: log.warning("types", detail=line),
        )
        self._lookups = Lookups(self._refresh)
        self._workers = Workers(
            document.workers,
            command,
            Listener(
                begin=self._begin,
                on_message=self._take,
                on_serving=self._models.join,
                on_ended=self._worker_ended,
            ),
        )
        self._mappings = MappingsInForce(
            document=document,
            tell=self._workers.tell_all,
            notes=self._trail,
            store=MappingsStore(state),
            current=inputs.mappings,
            problems=list(inputs.mapping_problems),
        )
        self._things = thing_watch(document, self._mappings.replace, self._trail)
        self._policy = PolicyInForce(
            file=document.policy,
            policy=inputs.policy,
            judges=self._workers,
            notes=self._trail,
            on_change=self._protect,
        )
        self._readiness = TypeReadiness(
            policy=lambda: self._policy.policy.document,
            store=ReadinessStore(state),
            background=self._background,
            notes=self._trail,
            tell=self._workers.tell_all,
        )
        self._dead_man = DeadMan(
            firewall=firewall, workers=document.workers, alive=self._workers.alive, notes=self._trail
        )
        self._tasks: set[asyncio.Task[None]] = set()
        ends = NodeEnds(self._models, self._follow, self._files.changed, self._trail)
        self._federation = Federation.of(document, ends, real_now, self._broken)
        self._control = ControlServer(
            quarantines=self._by_hand(),
            reload_policy=self._reload,
            status=self._status,
            on_broken=self._broken,
            federation=self._federation,
        )

    async def run(self) -> None:
        """Install the firewall's table, serve until SIGTERM or SIGINT, and stop; guards and quarantines stay behind.

        Raises:
            StartRefused: the table cannot be installed or a worker cannot serve.
        """
        try:
            await self._serve()
        finally:
            self._finish_threads()
            self._firewall.close()
            self._quarantine_store.close()
            self._journal.close()
            self._notary.sign()  # what was written last, too

    async def _serve(self) -> None:
        self._table.install()
        loop = asyncio.get_running_loop()
        for ending in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(ending, self._ending.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        guarding = [asyncio.create_task(self._table.watch.forever())]
        if self._plan.fail_mode == "open":
            guarding.append(asyncio.create_task(self._dead_man.forever()))
        try:
            await self._begin_serving()
            await self._open_control()
            if not self._ending.is_set():
                await self._until_the_end(guarding)
        finally:
            for task in guarding:
                task.cancel()
            await self._end()

    async def _begin_serving(self) -> None:
        """Start the workers, unless told to end meanwhile.

        Raises:
            StartRefused: one cannot serve.
        """
        starting = asyncio.create_task(self._start_workers())
        ending = asyncio.create_task(self._ended())
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not starting.done():
            starting.cancel()
            return
        if problems := starting.result():
            raise StartRefused(problems)
        policy = self._policy.policy
        self._trail.note(
            Kind.START,
            f"The gateway started, {policy.document.mode} mode, policy {policy.revision}.",
            mode=policy.document.mode,
            policy_revision=policy.revision,
            workers=self._inputs.document.workers,
            fail_mode=self._plan.fail_mode,
            policy_problems=list(policy.instead_of),
            mapping_problems=self._mappings.problems,
        )
        for problem in policy.instead_of:
            log.error("the policy is broken; the last good one is in force", detail=problem)
        self._background.submit(self._keep_policy, policy)
        self._later(self._mappings.begin())

    async def _start_workers(self) -> list[str]:
        # What is known of the access points by then reaches those workers that have begun before.
        problems, *_ = await asyncio.gather(
            self._workers.start(), self._refresh.before_serving(), self._things.before_serving()
        )
        if self._plan.fail_mode == "open":
            await self._dead_man.once()  # whoever hears that the gateway serves may rely on it
        return problems

    async def _until_the_end(self, guarding: Sequence[asyncio.Task[None]]) -> None:
        """Work until told to end; a gateway whose own tasks have died must not look alive."""
        works = (
            self._ended(),
            self._refresh.forever(),
            self._revocation.forever(),
            self._hints.forever(),
            self._things.forever(),
            self._tick(),
            self._workers.forever(),
        )
        tasks = [*guarding, *map(asyncio.create_task, works)]
        self._federation.start()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _ended(self) -> None:
        await self._ending.wait()

    def _begin(self, number: int) -> Begin:
        """Return what a worker begins with: all that is in force now."""
        self._policy.begun(number)
        return Begin(
            number=number,
            document=written(self._inputs.document),
            policy=written(self._policy.policy.document),
            revision=self._policy.policy.revision,
            inventory=written(self._inputs.inventory),
            state=self._models.dump(number),
            start=self._start,
            origin=self._origin,
            structures=self._structures,
            mappings=self._mappings.current,
            quarantines=self._register.entries,
            history=self._register.history.all,
            ready=self._readiness.ready,
            revocations=self._revocation.in_force.current,
            hints=self._hints.current,
        )

    def _take(self, number: int, message: ToSupervisor) -> None:
        """Take what a worker says.

        Raises:
            ValueError: it cannot be read, or no worker says that while it serves.
        """
        match message:
            case Minute():
                self._follow(self._models.minute(number, message.content, time.monotonic()))
                self._files.changed()
            case Seen():
                self._follow(self._models.see(message.sightings))
            case Quarantined():
                self._quarantine(number, message)
            case Sighted():
                self._keeper.sighted(message, real_now())
            case Registered():
                self._later(self._refreshed(number, message))
            case Missed():
                self._later(self._lookups.missed(message.agent))
            case InForce():
                self._policy.confirmed(number, message.revision)
            case _:
                raise ValueError(f"{type(message).__name__} while serving")

    def _follow(self, steps: Sequence[bytes]) -> None:
        for step in steps:
            self._workers.tell_all(Follow(step))
        if steps:
            self._readiness.models_changed(self._models.observations(), self._models.learnt)

    def _quarantine(self, number: int, message: Quarantined) -> None:
        try:
            self._keeper.enter(message.entry, real_now())
        except ProtectedError as protected:
            log.warning("quarantine", detail=str(protected))
            return
        self._workers.tell_all(Hold(message.entry), but=number)

    async def _refreshed(self, number: int, message: Registered) -> None:
        await self._refresh.after_registration(message.agent)
        self._workers.send(number, Refreshed(message.ticket))

    def _know(self, agent: str, structure: AgentStructure) -> None:
        self._structures[agent] = structure
        self._workers.tell_all(Knows(agent, structure))

    def _worker_ended(self, number: int, reason: str) -> None:
        self._models.leave(number)
        self._failures += 1
        log.error("a worker ended and is started again", worker=number, reason=reason)
        with contextlib.suppress(Exception):
            self._trail.note(
                Kind.BROKEN,
                f"Worker {number} ended ({reason}) and is started again; until then {self._meanwhile()}.",
                place="worker",
                worker=number,
                reason=reason,
            )

    def _meanwhile(self) -> str:
        """Return what becomes of calls that no worker takes."""
        if self._plan.fail_mode == "closed":
            return "the calls of its senders are refused"
        return "the calls of its senders are refused, and after some seconds pass unjudged (fail mode open)"

    def _later(self, work: Coroutine[None, None, None]) -> None:
        """Do something that waits beside everything else; what goes wrong in it is told."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken("supervisor", error)

    def _reload_soon(self) -> None:
        self._later(self._reloaded())
        self._later(self._revocation.reload())
        self._later(self._reload_meanings())

    async def _reload_meanings(self) -> None:
        """Read what calls mean again: from files, and from access points that describe themselves."""
        good = await self._mappings.reload()
        await self._things.reload(files=good)

    async def _reloaded(self) -> None:
        await self._policy.reload()

    async def _reload(self, by: str) -> PolicyState:
        """Reload for whoever asks over the control socket.

        Raises:
            NotDone: with what is wrong with the file.
        """
        problems = await self._policy.reload(by)
        policy = self._policy.policy
        if problems:
            stays = f"nothing was changed, policy {policy.revision} stays in force"
            raise NotDone(409, stays, f"correct {self._inputs.document.policy} and reload again", problems)
        return PolicyState(revision=policy.revision, mode=policy.document.mode)

    def _by_hand(self) -> QuarantinesByHand:
        return QuarantinesByHand(
            document=self._inputs.document,
            plan=self._plan,
            register=self._register,
            keeper=self._keeper,
            carriers=self._carriers,
            registry=self._registry,
            policy=lambda: self._policy.policy.document,
            fixed=fixed_protection(self._inputs.document, self._inputs.inventory),
            own=own_addresses,
            tell=self._workers.tell_all,
            real_now=real_now,
        )

    async def _open_control(self) -> None:
        """Let operators in; without them the gateway serves all the same."""
        try:
            await self._control.open(self._inputs.document.state_directory)
        except OSError as error:
            self._broken("control", error)

    def _revoke(self) -> None:
        self._workers.tell_all(Revoke(self._revocation.in_force.current))

    def _protect(self, policy: LoadedPolicy) -> None:
        """Let through again whom another policy protects, and keep it as the last good one."""
        self._background.submit(self._keep_policy, policy)
        for entry in self._register.protect(Protection.of(policy.document.quarantine.protected)):
            self._keeper.release(entry, real_now())

    def _keep_policy(self, policy: LoadedPolicy) -> None:
        try:
            PolicyStore(self._inputs.document.state_directory).save(policy)
        except OSError as error:
            log.error("the policy was not stored", detail=str(error))

    async def _tick(self) -> None:
        while True:
            self._follow(self._models.due(time.monotonic()))
            self._keeper.expire(real_now())
            self._files.store_soon()
            if self._notary.due():
                self._background.submit(self._notary.sign)
            if self._health.due():
                self._background.submit(self._health.write, self._status())
            await asyncio.sleep(_TICK_SECONDS)

    def _status(self) -> health.Status:
        own = health.Status(
            pid=os.getpid(),
            workers=(),
            restarts=self._workers.restarts(),
            mode=self._policy.policy.document.mode,
            policy_revision=self._policy.policy.revision,
            policy_problems=self._policy.problems,
            event_time=self._models.newest,
            types_known={each: self._registry.knows_agent(each) for each in self._refresh.points},
            mappings=self._mappings.names,
            mapping_problems=self._mappings.problems,
            service_types={},
            not_ready=self._readiness.missing(),
            connections=0,
            quarantined=len(self._register),
            quarantines_evicted=self._register.evictions,
            unjudged_packets=self._dead_man.unjudged,
            firewall=self._table.status(),
            revocation=health.RevocationStatus(
                certificates=len(self._revocation.in_force.current), alarms=self._revocation.alarms
            ),
            things=self._things.status(),
            forwarded=0,
            refused=0,
            broken=self._failures,
            audit_pending=self._journal.pending,
            audit_lost=self._journal.lost,
            audit_error=self._journal.last_error if self._journal.failing else self._notary.problem,
            federation=self._federation.status(),
        )
        return together(own, self._workers.beats(), self._workers.past)

    def _kernel_full(self, waiting: int) -> None:
        log.error("a quarantine set in the kernel is full; the gateway alone refuses these senders", waiting=waiting)
        self._trail.kernel_full(waiting)

    def _broken(self, place: str, error: BaseException) -> None:
        """Record that the supervisor itself failed; no call depends on it."""
        self._failures += 1
        log.error("broken", place=place, exc_info=error)
        with contextlib.suppress(Exception):
            self._trail.note(
                Kind.BROKEN,
                f"The gateway failed in {place}; what was decided before stays.",
                place=place,
                error=f"{type(error).__name__}: {error}",
            )

    def _finish_threads(self) -> None:
        """Have done what is under way; what the kernel's thread did is stored by the other one."""
        self._kernel_thread.shutdown(wait=True)
        self._background.shutdown(wait=True)

    async def _end(self) -> None:
        self._health.clear()
        await self._control.close()
        await self._federation.stop()
        await self._workers.stop()
        self._models.finish()
        self._finish_threads()
        self._files.store_now()
        stays = "its guards and quarantines stay"
        if self._plan.fail_mode == "open":
            stays = "quarantines stay, all other calls pass unjudged (fail mode open)"
        with contextlib.suppress(JournalError):
            self._trail.note(Kind.STOP, f"The gateway stopped; {stays}.")
