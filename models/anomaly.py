"""SoM, SoR, SoA and AV of one access, with every term behind them (paper, section III)."""

from __future__ import annotations

from operator import itemgetter

import msgspec

from models.categorical import SAME_ROOM
from models.flood import Habit
from models.normal_form import RELATIONSHIP, Norm, NormalForm, support_of_location
from models.score import Named, Score
from models.values import Value

LOCATION = "location"
RATE = "rate"
PERIOD = "period"
VALUE = "value"
TEXT = "text"
PARTNER = "partner"
SEQUENCE = "sequence"
REGISTRATION = "registration"
ENOUGH_INSTANCES = 6
"""Instances from which on their rooms say what is normal."""


class Observed(msgspec.Struct, frozen=True, gc=False):
    """What was observed of one access, beside what is normal for it."""

    norm: Norm
    sor: float
    here: int
    """Instances that were seen in this relationship with a partner in that kind of room."""
    fast: float
    slow: float
    location: float = 0.0
    rate_fast: float = 0.0
    rate_slow: float = 0.0
    period: float = 0.0
    value: float = 0.0
    text: float = 0.0
    partner: float = 0.0
    sequence: float = 0.0
    registration: float = 0.0
    written: Value | None = None
    settled: int = 0

    @property
    def largest(self) -> str:
        """Name of the largest term of SoA; of equal ones the first decides."""
        terms = (
            (max(self.rate_fast, self.rate_slow), RATE),
            (self.location, LOCATION),
            (self.value, VALUE),
            (self.text, TEXT),
            (self.partner, PARTNER),
            (self.sequence, SEQUENCE),
            (self.period, PERIOD),
            (self.registration, REGISTRATION),
        )
        return max(terms, key=itemgetter(0))[1]

    def named(self) -> dict[str, float]:
        """Return the terms of a score (`assess`)."""
        norm, written = self.norm, self.written
        terms = {
            **norm.background,
            "location_seen": float(self.here),
            "count_fast": self.fast,
            "count_slow": self.slow,
            "rate_fast": self.rate_fast,
            "rate_slow": self.rate_slow,
            RELATIONSHIP: self.sor,
            LOCATION: self.location,
            RATE: max(self.rate_fast, self.rate_slow),
            PERIOD: self.period,
            VALUE: self.value,
            TEXT: self.text,
            PARTNER: self.partner,
            SEQUENCE: self.sequence,
            REGISTRATION: self.registration,
        }
        if self.settled:
            terms["partner_settled"] = float(self.settled)
        if self.value and written is not None and written.number is not None and norm.usual is not None:
            terms["value_written"] = written.number
            terms["value_low"] = norm.usual.low
            terms["value_high"] = norm.usual.high
        return terms


UNSCORED = Score(av=0.0, som=0.0, sor=0.0, soa=0.0, deciding=RELATIONSHIP, evidence=Named({}), model_version="none")
"""Where there is no model: nothing is known, so nothing can be unusual."""


def assess(  # noqa: PLR0913 - as many as are observed of an access
    form: NormalForm,
    norm: Norm,
    *,
    expected: bool,
    room: str | None,
    familiar: bool,
    fast: float,
    slow: float,
    habit: Habit,
    gap: int,
    untimely: float,
    written: Value | None = None,
    settled: int = 0,
    missing: float = 0.0,
    unregistered: float = 0.0,
) -> Score:
    """Combine what was observed of an access with what is normal: AV = SoM * max(SoR, SoA).

    Args:
        form: The model of the source's type.
        norm: Its part for the access's joint relationship.
        expected: The middleware itself demands this access, so that it is no new relationship.
        room: `same`, `other`, or None where a location is not known.
        familiar: This very instance was seen in this relationship with a partner in that room.
        fast: Reading of the fast leaky counter, this access included.
        slow: Reading of the slow one.
        habit: What the slow one usually reads in this very flow.
        gap: Time since the access before on the same flow, whatever became of that; ms.
        untimely: How far the access is from the times at which it is due (`Rhythm.judge`).
        written: What it writes, if that differs from what was last written there.
        settled: Number of partners that this very instance has settled with, if this one is none of them; else 0.
        missing: How unusual it is that nothing that is required came before it (`Instance.follow`).
        unregistered: How unusual it is that the instance is neither known nor registered (`Arrivals.novelty`); else 0.

    Returns:
        The score. Its terms: `model_weight` (W), `relationship_weight` (w_J), `support` (N), `rare` (n1), `novelty`
        (u), `relationship` (SoR), `location`, `location_instances` (I), `location_seen` (I_v), `rate` (the larger of
        `rate_fast` and `rate_slow`), `count_fast`, `count_slow`, `normal_fast`, `normal_slow` (accesses), `period`,
        `value`, `text`, `partner`, `sequence`, `registration`; where a number is out of range, also `value_written`,
        `value_low` and `value_high`; with an unusual partner `partner_settled`, how many the instance has.
    """
    sor = 0.0 if expected else norm.sor
    here = 0 if room is None else norm.same if room == SAME_ROOM else norm.other
    location = 0.0
    if room is not None and not familiar and norm.instances >= ENOUGH_INSTANCES:
        location = support_of_location(norm.instances, here)
    rate_fast = rate_slow = 0.0
    normal_fast, normal_slow = norm.fast, norm.slow
    if normal_fast is not None and normal_slow is not None and gap < normal_slow.pause:
        rate_fast = normal_fast.excess(fast)
        rate_slow = normal_slow.excess(slow)
        if rate_slow > 1.0:
            rate_slow = min(rate_slow, habit.excess(slow, normal_slow.mean))
    value = text = 0.0
    if written is not None and norm.usual is not None:
        value, text = norm.usual.judge(written)
    partner = norm.newcomer if settled else 0.0
    soa = max(location, rate_fast, rate_slow, untimely, value, text, partner, missing, unregistered)
    if soa == 0.0 and not settled:
        evidence = Observed(norm, sor, here, fast, slow)
        deciding = RELATIONSHIP
    else:
        evidence = Observed(
            *(norm, sor, here, fast, slow, location, rate_fast, rate_slow, untimely, value, text, partner),
            *(missing, unregistered, written, settled),
        )
        # Mostly it is a rate, and of equal terms that is the first.
        deciding = RELATIONSHIP if sor >= soa else RATE if soa in (rate_fast, rate_slow) else evidence.largest
    return Score(
        av=form.som * max(sor, soa),
        som=form.som,
        sor=sor,
        soa=soa,
        deciding=deciding,
        evidence=evidence,
        model_version=form.version,
    )
