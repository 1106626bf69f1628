"""Attacks on the live site, under the identity of the compromised service."""

from __future__ import annotations

import msgspec

from models.simulation.attacks import Attack, AttackClass
from tests.site.calls import Outcome, Tally, perform
from tests.site.clock import Clock
from tests.site.vsl_client import Invocation, VslClient

DENIED = frozenset({Outcome.REFUSED, Outcome.SILENT})
GIVE_UP_AFTER = 3
"""Calls in a row without any answer, after which the attacker is taken to be cut off."""


class AttackReport(msgspec.Struct, kw_only=True):
    """What became of an attack."""

    attack_class: AttackClass
    attacker: str
    tally: Tally
    planned: int
    """Calls the attack consists of; fewer are made by an attacker who is cut off."""
    first_refused: int | None = None
    """Which call, counted from 1, was the first one denied; `None`: none was."""
    cut_off: bool = False
    """Whether the attacker ended in silence."""


async def drive(attack: Attack, client: VslClient, clock: Clock) -> AttackReport:
    """Carry an attack out, beginning now; ends early when the attacker is cut off."""
    report = AttackReport(
        attack_class=attack.attack_class, attacker=attack.attacker, tally=Tally(), planned=len(attack.steps)
    )
    silent = 0
    for step in attack.begin(clock.event_now()):
        await clock.sleep_until(step.time)
        outcome, _ = await perform(client, step, _ignore)
        report.tally.count(outcome)
        if outcome in DENIED and report.first_refused is None:
            report.first_refused = report.tally.calls
        silent = silent + 1 if outcome is Outcome.SILENT else 0
        if silent == GIVE_UP_AFTER:
            report.cut_off = True
            break
    return report


def _ignore(frame: Invocation) -> None:
    """Take no notice of callbacks."""
