"""Whether what is said to have been observed can have been: bounds that no honest origin gets near.

They hold for what one origin learnt, for that scaled down (`CommunicationModel.capped`), and for sums of either. So
nobody makes integers grow without end, or has a word that outweighs all others because it was never seen to be absurd.
"""

from __future__ import annotations

from functools import lru_cache

from models.anomaly import LOCATION, PARTNER, REGISTRATION, SEQUENCE, TEXT, VALUE
from models.candidates import Candidate
from models.categorical import OTHER_ROOM, SAME_ROOM
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.descriptor import MINUTE
from models.exchange.names import names_a_type
from models.exchange.showings import Showings
from models.instance import MAX_PARTNERS
from models.normal_form import RELATIONSHIP
from models.periodicity import bin_of
from models.relationship import Key, Relationship
from models.sequence import ALONE, SPANS
from models.values import TEXTS, read

EARLIEST = 23_667_840
"""Minutes since the epoch: the beginning of 2015. A clock that shows less was never set."""
AHEAD = 24 * 60
"""Minutes by which a time may lie in the future: clocks are set to the time of a zone by mistake."""
CLOCKS_DIFFER = 60
"""Minutes by which the clocks of two machines may differ that pass on the same times. Each level takes from below what
lies so much less ahead than what it may pass on: else one hostile node could have its site's sum refused above."""
ANY_MINUTE = 1 << 32
"""A minute that no time lies behind, for what was checked when it was taken in: a clock that is set back, or was not
set yet, must not make it unreadable."""
MAX_WEIGHT = 1 << 40
"""Instance-minutes of one origin: ten thousand instances for two hundred years."""
MAX_ACCESSES = 1 << 20
"""Accesses of one instance in one joint relationship and minute: more than a gateway can judge."""
MAX_READING = 1 << 32
"""Of a leaky counter, in 1/1000: a minute of more accesses than a gateway can judge."""
MAX_INSTANCES = 1 << 20
"""Instances of one type at one origin."""
_ROOMS = frozenset({SAME_ROOM, OTHER_ROOM})
_TIMED_ASPECTS = frozenset({RELATIONSHIP, PARTNER, SEQUENCE, REGISTRATION})
_VALUES = frozenset({read(text).category for text in ("", "nan", "inf", "true", "{", "x" * 65, repr(2.0**99))})
_GREATEST_BIN = read(repr(2.0**60 - 2.0**8)).category
_BUCKETS = 128
"""Of texts (`values`), and of marks (`sequence`)."""
_AFTER = 1 + _BUCKETS * len(SPANS)
_OCTAVE = 8
"""Bins of gaps per doubling (`periodicity`)."""
_DIGITS = 4
"""Of a category of values."""
_PRINTED = 64
"""Bits of a number that is printed."""
_LONGEST = 300
"""Characters of a reason."""
_LAST_GAPS = bin_of(1 << 40)
"""Thirty years."""


class BadContribution(ValueError):
    """Something that another sent and that must not be merged. `code` says in one word why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail if len(detail) <= _LONGEST else f"{detail[:_LONGEST]}…")
        self.code = code
        """`schema`, `malformed`, `feature`, `time`, `type` or `size`."""


def check_model(model: CommunicationModel, *, now_minute: int, origins: int = 1) -> None:
    """Demand that a model can be what an origin contributes, or a sum of what so many do.

    Args:
        model: As it was read from bytes, which checks that points can have its sums at all.
        now_minute: Event time in minutes since the epoch.
        origins: How many it is the sum of.

    Raises:
        BadContribution: a name that is not one of a type (`type`), a time before 2015 or in the future (`time`), or a
            count or sum that nobody can have observed (`feature`).
    """
    check_name(model.service_type, "service type")
    if model.weight > MAX_WEIGHT * origins:
        raise BadContribution("feature", f"{_short(model.weight)} instance-minutes are more than anybody observed")
    latest = now_minute + AHEAD
    for key, relationship in model.relationships.items():
        check_key(key)
        try:
            _check_relationship(relationship, model.weight, latest, origins)
        except BadContribution as error:
            raise BadContribution(error.code, f"{_in_words(key)}: {error}") from None
    for partner, feature in model.partners.items():
        if partner:
            check_name(partner, "partner type")
        _check_number(feature.n, model.weight, "minutes with partners")
        _check_feature(feature, 1, MAX_PARTNERS, latest, "number of partners")


def newest_minute(model: CommunicationModel) -> int:
    """Return a minute since the epoch that is no later than what was seen last of a model; 0 if it holds no times.

    Of times only sums are known, so it is the latest of their means, as `check_model` compares them with the clock.
    """
    features = [*model.partners.values()]
    for each in model.relationships.values():
        features += [each.fast, each.slow, *each.gaps.values()]
    return max((-(-feature.sums[3] // feature.n) for feature in features if feature.n), default=0)


def check_showings(showings: Showings, *, now: int) -> None:
    """Demand that showings can be those of an origin, and name types only; event time in ms.

    Raises:
        BadContribution: as `check_model` does.
    """
    latest = now + AHEAD * MINUTE
    for service_type, count in showings.instances.items():
        check_name(service_type, "service type")
        _check_number(count, MAX_INSTANCES, f"instances of {service_type}")
    if len({each.candidate for each in showings.open}) < len(showings.open):
        raise BadContribution("feature", "a candidate is told twice")
    for each in showings.open:
        check_candidate(each.candidate)
        _check_number(each.recent, MAX_INSTANCES, "instances that show a candidate")
        _check_number(each.persistent, MAX_INSTANCES, "instances that show a candidate")
        if not EARLIEST * MINUTE <= each.onset <= each.last <= latest:
            raise BadContribution("time", f"a candidate is shown from {each.onset} to {each.last} ms, now is {now}")


def check_candidate(candidate: Candidate) -> None:
    """Demand that a candidate names types, and what of them is known to be a term's.

    Raises:
        BadContribution: it does not (`type`).
    """
    check_name(candidate.service_type, "service type")
    check_key(candidate.key)
    aspect, detail = candidate.aspect, candidate.detail
    if aspect in _TIMED_ASPECTS and not detail:
        return
    if aspect == LOCATION and (not detail or detail in _ROOMS):
        return
    if aspect in (VALUE, TEXT) and (not detail or _is_category(detail)):
        return
    raise BadContribution("type", f"there is no candidate of {aspect[:32]!r} with {detail[:32]!r}")


def check_key(key: Key) -> None:
    """Demand that a joint relationship names types, or nothing where they are not known.

    Raises:
        BadContribution: it does not (`type`).
    """
    if key.partner:
        check_name(key.partner, "partner type")
    if key.data_type:
        check_name(key.data_type, "data type")


def check_name(name: str, what: str) -> None:
    """Demand that a name is one of a type.

    Raises:
        BadContribution: it is not (`type`).
    """
    if not names_a_type(name):
        raise BadContribution("type", f"{name[:64]!r} is not the name of a {what}")


def _check_relationship(each: Relationship, weight: int, latest: int, origins: int) -> None:
    if not 1 <= each.weight <= weight:
        raise BadContribution("feature", f"{_short(each.weight)} of {weight} instance-minutes cannot show it")
    _check_places(each, MAX_INSTANCES * origins)
    accesses = each.weight * MAX_ACCESSES
    _check_readings(each, accesses, latest)
    _check_tallies(each, accesses)
    _check_number(each.newcomers, each.weight * MAX_PARTNERS, "new partners")


def _check_places(each: Relationship, most: int) -> None:
    if not each.instances and not each.rooms:
        return
    _check_number(each.instances, most, "instances")
    if not each.rooms.keys() <= _ROOMS:
        raise BadContribution("feature", "rooms are the same or another, and have no names")
    _check_number(max(each.rooms.values(), default=0), each.instances, "instances in a kind of room")


def _check_readings(each: Relationship, accesses: int, latest: int) -> None:
    fast, slow = each.fast, each.slow
    if fast.n != slow.n:
        raise BadContribution("feature", f"the counters were read {_short(fast.n)} and {_short(slow.n)} times")
    if fast.n:
        _check_number(fast.n, accesses, "accesses")
        _check_feature(fast, 0, MAX_READING, latest, "fast counter")
        _check_feature(slow, 0, MAX_READING, latest, "slow counter")
    if each.gaps:
        _check_number(sum([gap.n for gap in each.gaps.values()]), accesses, "gaps")
        for index, gap in each.gaps.items():
            shortest, longest = _gaps_in(index)
            _check_feature(gap, shortest, longest, latest, "gaps in a bin")


def _check_tallies(each: Relationship, accesses: int) -> None:
    if each.written:
        _check_number(sum(each.written.values()), accesses, "values")
        if not all(map(_is_value, each.written)):
            raise BadContribution("feature", "values of no category")
        _check_number(each.falls, accesses, "falling values")
    elif each.falls:
        raise BadContribution("feature", "values fell, but none was written")
    if each.before:
        _check_number(sum(each.before.values()), accesses, "accesses before")
        if min(each.before) < ALONE or max(each.before) >= _AFTER:
            raise BadContribution("feature", "accesses after those of no category")


def _check_number(number: int, most: int, what: str) -> None:
    if not 0 <= number <= most:
        raise BadContribution("feature", f"{what}: {_short(number)}, of at most {_short(most)}")


def _check_feature(feature: ClusteringFeature, least: int, most: int, latest: int, what: str) -> None:
    n, ls, ss, t, tt = feature.n, feature.ls, feature.ss, feature.t, feature.tt
    if n < 1 or not (n * least <= ls <= n * most and n * least * least <= ss <= n * most * most):
        raise BadContribution("feature", f"{what}: no {_short(n)} values from {least} to {most} have these sums")
    if not (n * EARLIEST <= t <= n * latest and n * EARLIEST * EARLIEST <= tt <= n * latest * latest):
        raise BadContribution("time", f"{what}: times before 2015, or in the future")


@lru_cache(maxsize=512)
def _gaps_in(index: int) -> tuple[int, int]:
    """Return the shortest and the longest gap that is counted in a bin (`periodicity.bin_of`)."""
    if not 0 <= index <= _LAST_GAPS:
        raise BadContribution("feature", f"there is no bin {_short(index)} of gaps")
    if not index:
        return 0, 0
    doublings, part = divmod(index - 1, _OCTAVE)
    shortest, after = (-(-(each << doublings) // _OCTAVE) for each in (_OCTAVE + part, _OCTAVE + part + 1))
    return shortest, after - 1


def _is_value(category: int) -> bool:
    return abs(category) <= _GREATEST_BIN or category in _VALUES or TEXTS <= category < TEXTS + _BUCKETS


def _is_category(detail: str) -> bool:
    digits = detail.removeprefix("-")
    return len(digits) <= _DIGITS and digits.isascii() and digits.isdigit() and _is_value(int(detail))


def _in_words(key: Key) -> str:
    return f"{key.operation} of {key.data_type or 'an unknown type'} of {key.partner or 'an unknown type'}"


def _short(number: int) -> str:
    """Return a number, or about what one is that would fill the page: reasons go into logs."""
    return (
        str(number) if number.bit_length() <= _PRINTED else f"some {'-' if number < 0 else ''}2^{number.bit_length()}"
    )
