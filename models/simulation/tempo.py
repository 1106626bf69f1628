"""How often things happen in a simulated site."""

from __future__ import annotations

import msgspec


class Tempo(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of all behaviour, in milliseconds of event time unless named otherwise.

    The defaults are those of the paper's public data set: 24 hours of four emulated sites.
    """

    cycle: int = 20_600
    """Light controllers look, temperature sensors measure, wrongly set up services look."""
    look_timers: tuple[int, ...] = ()
    """Periods of independent timers by which a light controller looks, instead of once per cycle."""
    look_timers_updated: tuple[int, ...] = ()
    """The same from a software update on."""
    timer_lateness: int = 50
    """Such timers fire late by the absolute value of a normal deviate of so much: as the data set's periodicity file,
    in which times scatter by 32 ms (standard deviation) around its timers of 12 s and 30 s."""
    charge_cycle: int = 21_000
    """A battery charges by one, a washing machine takes one: empty and full again after about 420 s."""
    jitter: int = 300
    """Standard deviation of every loop's turn."""
    think: int = 250
    """Mean pause between two calls of one turn."""
    registration_window: int = 431_000
    """All services register within this time after the start, in the floor plan's order: partners come first."""
    settling: int = 70_000
    """From a service's registration to its first turn."""
    movement_changes_per_day: tuple[float, float] = (18.0, 36.0)
    """Range from which each movement sensor has its own mean."""
    thermostat_period: int = 1_231_000
    phone_reads_per_day: float = 35.0
    """Mean per smart phone."""
    door_uses_per_day: float = 2.0
    """Mean number of times that a door is opened and closed again, per lock."""
    transaction_share: float = 0.0
    """Share of a thermostat's rounds and a washing machine's programmes under a lock of their own subtree."""
    update_after: int | None = None
    """From this long after the start on, light controllers also read their room's temperature: a software update."""
    update_rollout: int = 0
    """From the first light controller's update to the last one's."""


DATA_SET = Tempo()
"""The data set's own rates."""

BRISK = Tempo(
    registration_window=60_000,
    settling=20_000,
    movement_changes_per_day=(240.0, 480.0),
    thermostat_period=240_000,
    phone_reads_per_day=240.0,
    door_uses_per_day=96.0,
    transaction_share=0.5,
)
"""The loops of the data set with the slow happenings about twelve times as often: all is seen within an hour."""
