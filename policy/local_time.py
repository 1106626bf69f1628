"""Local time as a policy means it: hours, days of the week and days of expiry in one stated zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from policy.loading import invalid

DAY = 24 * 60
"""Minutes."""

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z|24:00\Z")
_EXPIRY = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})?)?\Z")


class Weekday(IntEnum):
    """A day of the week as Python counts them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class Moment(NamedTuple):
    """A minute of local time."""

    minute: int
    """Since midnight."""
    weekday: int
    """`Weekday`."""


class Hours(NamedTuple):
    """A part of the day, in minutes since midnight; one that ends before it begins goes on after midnight."""

    begin: int
    end: int

    def covers(self, moment: Moment, days: frozenset[int]) -> bool:
        """Whether the moment is within these hours of one of the days.

        What goes on after midnight belongs to the day on which it began: `22:00-06:00` of a Friday ends on Saturday.
        """
        if self.begin < self.end:
            return self.begin <= moment.minute < self.end and moment.weekday in days
        if moment.minute >= self.begin:
            return moment.weekday in days
        return moment.minute < self.end and (moment.weekday - 1) % len(Weekday) in days


WHOLE_DAY = Hours(0, DAY)


def hours(text: str) -> Hours:
    """Read `22:00-06:00`.

    Raises:
        PydanticCustomError: it is written otherwise, or has no length.
    """
    begin, _, end = text.partition("-")
    if _CLOCK.match(begin) is None or _CLOCK.match(end) is None or begin in {"24:00", end}:
        raise invalid(f"{text!r} is no part of a day", "write begin and end, e.g. 22:00-06:00 or 08:00-24:00")
    return Hours(_minutes(begin), _minutes(end))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def zone_name(name: str) -> str:
    """Return the name of a time zone that is known here.

    Raises:
        PydanticCustomError: it is not.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(
            f"{name!r} is not a time zone that this machine knows",
            "write a name of the IANA data base, e.g. Europe/Berlin or UTC; on Debian it is in the package tzdata",
        ) from None
    return name


def expiry(text: str) -> str:
    """Return the text of a day, or of a minute, at which something ends.

    Raises:
        PydanticCustomError: it is neither.
    """
    wrong = invalid(
        f"{text!r} is neither a day nor a time",
        "write 2027-01-31 (to the end of that day), 2027-01-31T18:00, or 2027-01-31T18:00+01:00",
    )
    if _EXPIRY.match(text) is None:
        raise wrong
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise wrong from None
    return text


class LocalTime:
    """Tells local time in one zone. Looks the zone's rules up once a minute at most."""

    def __init__(self, zone: str | None) -> None:
        """Take the zone by its name; None is the machine's."""
        self._zone = None if zone is None else ZoneInfo(zone)
        self._known = -1
        self._moment = Moment(0, 0)

    def at(self, now: float) -> Moment:
        """Return the minute of the day and the weekday at real time `now` (s since the epoch)."""
        minute = int(now // 60)
        if minute != self._known:
            # Offsets of zones are whole minutes, and so are the times at which they change.
            local = datetime.fromtimestamp(now, UTC).astimezone(self._zone)
            self._moment = Moment(local.hour * 60 + local.minute, local.weekday())
            self._known = minute
        return self._moment

    def ends(self, text: str) -> float:
        """Return the real time (s since the epoch) at which a day that `expiry` accepted has ended, or a minute is."""
        time = datetime.fromisoformat(text)
        if "T" not in text:
            time += timedelta(days=1)
        if time.tzinfo is None:
            # Without a zone `astimezone` takes a naive time for the machine's.
            time = time.astimezone() if self._zone is None else time.replace(tzinfo=self._zone)
        return time.timestamp()
