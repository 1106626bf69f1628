"""Rates."""

from __future__ import annotations

import msgspec

from models.simulation.tempo import BRISK, DATA_SET


def test_brisk_keeps_the_fast_loops_of_the_data_set() -> None:
    slow = {
        "registration_window",
        "settling",
        "movement_changes_per_day",
        "thermostat_period",
        "phone_reads_per_day",
        "door_uses_per_day",
        "transaction_share",
    }
    changed = {
        name for name, value in msgspec.structs.asdict(BRISK).items() if value != msgspec.structs.asdict(DATA_SET)[name]
    }
    assert changed == slow


def test_everything_slow_happens_several_times_within_an_hour_when_brisk() -> None:
    hours = 24
    assert BRISK.movement_changes_per_day[0] / hours >= 5
    assert BRISK.phone_reads_per_day / hours >= 5
    assert 3_600_000 / BRISK.thermostat_period >= 5
