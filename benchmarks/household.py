"""A simulated home under attack, to measure with where no trace is at hand."""

from __future__ import annotations

from models.simulation.attacks import seven_attacks
from models.simulation.floorplan import family_home
from models.simulation.trace import Observed, Trace

START = 1_767_225_600_000
"""Event time of the first access in milliseconds: midnight, 2026-01-01 UTC."""
HOUR = 3_600_000
ATTACKS = 6
"""Seed of the attacks. In this draw the flood is of a call that its sender always makes, which no whitelist finds."""


def attacked_home(hours: float, *, seed: int) -> list[Observed]:
    """Return so many hours of a family home; the seven attacks of the paper begin one by one from half time on."""
    trace = Trace(family_home(), seed=seed, start=START)
    attacks = seven_attacks(family_home(), ATTACKS)
    for number, attack in enumerate(attacks):
        trace.intrude(attack, START + int(HOUR * hours * (0.5 + 0.4 * number / len(attacks))))
    return list(trace.until(START + int(HOUR * hours)))
