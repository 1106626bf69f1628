from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic_core import PydanticCustomError

from policy.local_time import Hours, LocalTime, Moment, Weekday, expiry, hours, zone_name

FRIDAY, SATURDAY, SUNDAY = frozenset({Weekday.FRIDAY}), frozenset({Weekday.SATURDAY}), frozenset({Weekday.SUNDAY})


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_summer_time_begins_and_ends_when_it_does_in_the_zone() -> None:
    berlin = LocalTime("Europe/Berlin")
    assert berlin.at(utc("2026-03-29T00:59:59")) == Moment(1 * 60 + 59, Weekday.SUNDAY)
    assert berlin.at(utc("2026-03-29T01:00:00")) == Moment(3 * 60, Weekday.SUNDAY)
    assert berlin.at(utc("2026-10-25T01:00:00")) == Moment(2 * 60, Weekday.SUNDAY)
    assert berlin.at(utc("2026-12-31T23:30:00")) == Moment(30, Weekday.FRIDAY)


def test_the_zone_of_the_machine_is_the_one_that_is_meant_without_any() -> None:
    now = utc("2026-07-01T10:00:00")
    local = datetime.fromtimestamp(now).astimezone()
    assert LocalTime(None).at(now) == Moment(local.hour * 60 + local.minute, local.weekday())


@pytest.mark.parametrize(
    ("minute", "weekday", "days", "covered"),
    [
        (22 * 60, Weekday.FRIDAY, FRIDAY, True),
        (22 * 60 - 1, Weekday.FRIDAY, FRIDAY, False),
        (5 * 60 + 59, Weekday.SATURDAY, FRIDAY, True),
        (6 * 60, Weekday.SATURDAY, FRIDAY, False),
        (5 * 60, Weekday.FRIDAY, FRIDAY, False),
        (5 * 60, Weekday.MONDAY, SUNDAY, True),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(
    minute: int, weekday: Weekday, days: frozenset[int], covered: bool
) -> None:
    assert hours("22:00-06:00").covers(Moment(minute, weekday), days) is covered


def test_a_part_of_a_day_ends_before_its_end() -> None:
    assert hours("08:00-24:00") == Hours(480, 1440)
    assert hours("08:00-12:30").covers(Moment(749, Weekday.SATURDAY), SATURDAY)
    assert not hours("08:00-12:30").covers(Moment(750, Weekday.SATURDAY), SATURDAY)


@pytest.mark.parametrize(
    "text", ["", "8:00-12:00", "08:00", "24:00-06:00", "08:00-08:00", "08:00-25:00", "22:00-06:00 "]
)
def test_what_is_no_part_of_a_day(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        hours(text)


def test_a_day_of_expiry_counts_to_its_end_in_the_zone() -> None:
    berlin = LocalTime("Europe/Berlin")
    assert berlin.ends("2027-01-31") == utc("2027-01-31T23:00:00")
    assert berlin.ends("2026-10-25") == utc("2026-10-25T23:00:00"), "a day of 25 hours"
    assert berlin.ends("2027-01-31T18:00") == utc("2027-01-31T17:00:00")
    assert berlin.ends("2027-01-31T18:00+03:00") == berlin.ends("2027-01-31T15:00Z") == utc("2027-01-31T15:00:00")
    assert LocalTime(None).ends("2027-01-31T18:00") == datetime(2027, 1, 31, 18).astimezone().timestamp()


@pytest.mark.parametrize("text", ["tomorrow", "2027-02-30", "2027-01-31 18:00", "2027-01-31T25:00", "31.1.2027"])
def test_what_is_no_time_of_expiry(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="neither a day nor a time"):
        expiry(text)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "/etc/passwd", "../UTC"])
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(PydanticCustomError, match="not a time zone"):
        zone_name(name)


def test_a_time_zone_keeps_its_name() -> None:
    assert zone_name("Europe/Berlin") == "Europe/Berlin"
