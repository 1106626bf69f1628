"""What the demonstration of the Web of Things came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_WRONGLY_BLOCKED = 0.01


@dataclass
class Attack:
    """Calls of one attacker, in order."""

    name: str
    attacker: str
    at_first: bool
    """No call of it may pass; else it must be noticed, and little may pass from then on."""
    refused: list[bool] = field(default_factory=list)
    """For each call, whether it did not pass."""

    @property
    def first(self) -> int | None:
        """Number of the first call that was refused; None where none was."""
        return self.refused.index(True) + 1 if True in self.refused else None

    def failure(self) -> str | None:
        """Return what did not go as it must."""
        if self.first is None:
            return f"{self.name} was not noticed"
        passed = self.refused.count(False)
        if self.at_first and passed:
            return f"{self.name}: {passed} calls passed"
        after = self.refused[self.first - 1 :]
        if after.count(False) > len(after) / 10:
            return f"{self.name}: {after.count(False)} of {len(after)} calls passed after it was noticed"
        return None


@dataclass(frozen=True)
class WotResult:
    """Everything."""

    things: int
    """Things that the gateway knows, from the descriptions that it fetched."""
    attacks: Sequence[Attack]
    legitimate: int
    """Calls of those who are under nobody's control, while enforcing."""
    wrongly_blocked: int
    changed_by_attackers: Sequence[str]
    """What attackers changed at the Things."""
    observed: int
    """Changes that a consumer was told of by long poll, while enforcing."""
    quarantined: Sequence[str]
    audit_intact: bool

    def failures(self) -> list[str]:
        """Return what did not go as it must."""
        found = [failure for attack in self.attacks if (failure := attack.failure()) is not None]
        if not self.things:
            found.append("the gateway knows no Thing")
        if not self.legitimate:
            found.append("no legitimate call was made")
        elif self.wrongly_blocked >= MOST_WRONGLY_BLOCKED * self.legitimate:
            found.append(f"{self.wrongly_blocked} of {self.legitimate} legitimate calls were blocked")
        if self.changed_by_attackers:
            found.append(f"attackers changed {', '.join(self.changed_by_attackers)}")
        if not self.observed:
            found.append("a consumer that observes a property was told of no change")
        if not self.audit_intact:
            found.append("the audit log is not intact")
        return found

    def table(self) -> str:
        """Return the table."""
        rows = [f"  {'attack':<28} {'by':<20} {'calls':>6} {'blocked':>8}   first blocked"]
        for attack in self.attacks:
            first = "never" if attack.first is None else f"at call {attack.first}"
            rows.append(
                f"  {attack.name:<28} {attack.attacker:<20} {len(attack.refused):>6}"
                f" {attack.refused.count(True):>8}   {first}"
            )
        share = self.wrongly_blocked / self.legitimate if self.legitimate else 0.0
        rows += [
            "  (a flood begins like any other calls; it takes a few of them to tell)",
            "",
            f"  Things known by their descriptions: {self.things}",
            f"  legitimate calls while enforcing: {self.legitimate}",
            f"  wrongly blocked: {self.wrongly_blocked} ({share:.2%})",
            f"  changes observed by long poll while enforcing: {self.observed}",
            f"  quarantined: {', '.join(self.quarantined) or 'nobody'}",
            f"  audit log: {'intact' if self.audit_intact else 'NOT INTACT'}",
        ]
        return "\n".join(rows)
