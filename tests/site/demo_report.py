"""The table at the end of the demonstration, and whether it succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.simulation.paper_attacks import AttackClass
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.demo_identity import PlainReport, SharedReport

MOST_WRONGLY_BLOCKED = 0.01
"""Share of legitimate calls."""

NAMES: Mapping[str, str] = {
    AttackClass.SCAN: "network scan",
    AttackClass.SPYING: "spying",
    AttackClass.MALICIOUS_CONTROL: "malicious control",
    AttackClass.MALICIOUS_OPERATION: "malicious operation",
    AttackClass.DENIAL_OF_SERVICE: "denial of service",
    AttackClass.DATA_PROBING: "data type probing",
    AttackClass.WRONG_SET_UP: "wrong set-up",
}


class Outcome(Protocol):
    """What a demonstration came to."""

    def table(self) -> str:
        """Return what is shown of it."""
        ...

    def failures(self) -> list[str]:
        """Return what did not go as it must."""
        ...


def conclude(outcome: Outcome, good: str) -> int:
    """Print what a demonstration came to; return 0 only if nothing failed, which `good` says in words."""
    print()
    print(outcome.table())
    print()
    failures = outcome.failures()
    for failure in failures:
        print(f"  FAILED: {failure}")
    if not failures:
        print(f"  {good}")
    return 1 if failures else 0


@dataclass(frozen=True)
class Quarantined:
    """One quarantined sender."""

    identity: str
    kernel: str


@dataclass(frozen=True)
class Result:
    """What the demonstration came to."""

    attacks: Sequence[AttackReport]
    legitimate: Tally
    """Calls of healthy services while the gateway enforced."""
    quarantined: Sequence[Quarantined]
    kernel_entries: Sequence[str]
    """Elements of the quarantine sets of nftables."""
    audit: str
    """What `alleyes audit verify` said."""
    audit_intact: bool
    plain: PlainReport
    shared: SharedReport

    @property
    def wrongly_blocked(self) -> float:
        """Share of legitimate calls that got no good answer: refused, cut off, or failed on the way."""
        hindered = self.legitimate.denied + self.legitimate.failed
        return hindered / self.legitimate.calls if self.legitimate.calls else 1.0

    def failures(self) -> list[str]:
        """Return what did not go as it must, one line each."""
        found = [f"{NAMES[report.label]} was not blocked" for report in self.attacks if report.first_refused is None]
        missing = NAMES.keys() - {report.label for report in self.attacks}
        found += [f"{NAMES[name]} did not take place" for name in sorted(missing)]
        if self.wrongly_blocked >= MOST_WRONGLY_BLOCKED:
            found.append(f"{self.wrongly_blocked:.2%} of the legitimate calls were blocked")
        if not self.audit_intact:
            found.append("the audit chain is broken")
        if len(self.quarantined) < len(self.kernel_entries):
            found.append("the kernel drops senders of whose quarantine the audit log does not tell")
        return [*found, *self.plain.failures(), *self.shared.failures()]

    def table(self) -> str:
        """Return the table."""
        rows = [f"  {'attack':<20} {'by':<26} {'calls':>6} {'blocked':>8}   first blocked"]
        for report in self.attacks:
            after = "never" if report.first_refused is None else f"at call {report.first_refused}"
            cut = ", then cut off" if report.cut_off else ""
            rows.append(
                f"  {NAMES[report.label]:<20} {report.attacker:<26} {report.tally.calls:>6}"
                f" {report.tally.denied:>8}   {after}{cut}"
            )
        rows += [
            "  (a flood begins like any other calls; it takes a few of them to tell)",
            "",
            f"  legitimate calls while enforcing: {self.legitimate.calls}",
            f"  wrongly blocked: {self.legitimate.denied + self.legitimate.failed} ({self.wrongly_blocked:.2%})",
            "",
            f"  quarantined senders: {len(self.quarantined)}",
            *(
                f"    {each.identity:<26} {'dropped by nftables' if each.kernel in self.kernel_entries else 'refused'}:"
                f" {each.kernel}"
                for each in self.quarantined
            ),
            f"  entries in the quarantine sets of nftables (link . network address): {len(self.kernel_entries)}",
            "",
            *self.plain.lines(),
            "",
            *self.shared.lines(),
            "",
            *(f"  audit: {line}" for line in self.audit.splitlines()),
        ]
        return "\n".join(rows)
