"""The gateway's table in the kernel: installed at the start, watched, and put back when somebody changes it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from proxy.audit.event import Kind
from proxy.audit.trail import Notes
from proxy.clocks import real_now
from proxy.firewall.commands import InstallTable
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied, FirewallError
from proxy.firewall.plan import Plan
from proxy.health import FirewallStatus
from proxy.inputs import StartRefused
from proxy.quarantine import QuarantineKeeper
from proxy.storage.plan_store import PlanStore
from proxy.storage.quarantine_store import QuarantineStoreError
from proxy.table_watch import TableWatch

_SECONDS = 10.0

log = structlog.get_logger("alleyes")


@dataclass
class KernelTable:
    """What stands in the kernel: the plan, and the quarantines that it takes part in."""

    plan: Plan
    firewall: FirewallHelper
    keeper: QuarantineKeeper
    notes: Notes
    state: Path
    """The state directory."""
    watch: TableWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = TableWatch(
            firewall=self.firewall,
            installation=lambda: InstallTable(plan=self.plan, entries=self.keeper.kernel.entries),
            on_restored=self._restored,
            on_problem=lambda line: log.error("the firewall's table", detail=line),
        )

    def install(self) -> None:
        """Start the firewall helper and install the table with the quarantines of last time.

        Raises:
            StartRefused: the kernel refuses, or the stored quarantines are damaged.
        """
        try:
            entries = self.keeper.restore(real_now())
            self.firewall.start()
            applied = self.firewall.submit(InstallTable(plan=self.plan, entries=entries)).result(_SECONDS)
        except (FirewallError, QuarantineStoreError, ValueError) as error:
            raise StartRefused([str(error)]) from error
        self.keeper.installed(applied)
        if applied.protected:
            log.warning("quarantines not in the kernel", protected=applied.protected)
        self._remember()

    def _remember(self) -> None:
        """Store what is enforced now, for `alleyes guard` at a boot at which the configuration is broken."""
        try:
            PlanStore(self.state).save(self.plan)
        except OSError as error:
            log.error("the plan was not stored", detail=str(error))

    def _restored(self, changed: tuple[str, ...], applied: Applied) -> None:
        self.keeper.installed(applied)
        gap = self.watch.gaps.latest
        log.error("somebody changed the firewall's table; it was put back", changed=changed, gap=gap)
        self.notes.note(
            Kind.BROKEN,
            f"Somebody removed or changed the firewall's table ({', '.join(changed)}); it was put back"
            f" after at most {gap:.2f} s.",
            place="firewall",
            changed=list(changed),
            gap_seconds=round(gap, 3),
        )

    def status(self) -> FirewallStatus:
        """Return how it stands with the kernel."""
        gaps = self.watch.gaps
        return FirewallStatus(
            helper_restarts=self.firewall.restarts,
            waiting=self.keeper.kernel.waiting,
            set_full=self.keeper.kernel.figures.full,
            restorations=gaps.restorations,
            latest_gap_seconds=round(gaps.latest, 3),
            longest_gap_seconds=round(gaps.longest, 3),
            seen_whole_seconds_ago=round(time.monotonic() - gaps.whole_at, 3),
        )
