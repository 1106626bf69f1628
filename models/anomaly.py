"""SoM, SoR, SoA and AV of one access, with every term behind them (paper, section III)."""

from __future__ import annotations

from models.categorical import SAME_ROOM
from models.normal_form import Norm, NormalForm, support_of_location
from models.score import Score

RELATIONSHIP = "relationship"
LOCATION = "location"
RATE = "rate"
PERIOD = "period"
ENOUGH_INSTANCES = 6
"""Instances from which on their rooms say what is normal."""

UNSCORED = Score(av=0.0, som=0.0, sor=0.0, soa=0.0, deciding=RELATIONSHIP, terms={}, model_version="none")
"""Where there is no model: nothing is known, so nothing can be unusual."""


def assess(
    form: NormalForm,
    norm: Norm,
    *,
    expected: bool,
    room: str | None,
    familiar: bool,
    fast: float,
    slow: float,
    gap: int,
    untimely: float,
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
        gap: Time since the access before on the same flow, whatever became of that; ms.
        untimely: How much too early the access is (`Rhythm.judge`).

    Returns:
        The score. Its terms: `model_weight` (W), `relationship_weight` (w_J), `support` (N), `rare` (n1), `novelty`
        (u), `relationship` (SoR), `location`, `location_instances` (I), `location_seen` (I_v), `rate` (the larger of
        `rate_fast` and `rate_slow`), `count_fast`, `count_slow`, `normal_fast`, `normal_slow` (accesses), `period`.
    """
    sor = 0.0 if expected else norm.sor
    here = 0 if room is None else norm.same if room == SAME_ROOM else norm.other
    location = 0.0
    if room is not None and not familiar and norm.instances >= ENOUGH_INSTANCES:
        location = support_of_location(norm.instances, here)
    rate_fast = rate_slow = 0.0
    if norm.fast is not None and norm.slow is not None and gap < norm.slow.pause:
        rate_fast = norm.fast.excess(fast)
        rate_slow = norm.slow.excess(slow)
    rate = max(rate_fast, rate_slow)
    soa = max(location, rate, untimely)
    if sor >= soa:
        deciding = RELATIONSHIP
    elif rate >= soa:
        deciding = RATE
    else:
        deciding = LOCATION if location >= soa else PERIOD
    return Score(
        av=form.som * max(sor, soa),
        som=form.som,
        sor=sor,
        soa=soa,
        deciding=deciding,
        terms={
            "model_weight": float(form.weight),
            "relationship_weight": float(norm.weight),
            "support": float(form.support),
            "rare": float(form.rare),
            "novelty": form.novelty,
            RELATIONSHIP: sor,
            LOCATION: location,
            "location_instances": float(norm.instances),
            "location_seen": float(here),
            RATE: rate,
            "rate_fast": rate_fast,
            "rate_slow": rate_slow,
            "count_fast": fast,
            "count_slow": slow,
            "normal_fast": norm.fast.mean if norm.fast else 0.0,
            "normal_slow": norm.slow.mean if norm.slow else 0.0,
            PERIOD: untimely,
        },
        model_version=form.version,
    )
