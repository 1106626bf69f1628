"""Attacks that look much like ordinary life: harder than the paper's seven classes.

Each takes a site, a strength and a source of chance, and raises ValueError where the site lacks the services.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum

import msgspec

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service
from models.simulation.intrusion import (
    CYCLE,
    MINUTE,
    SECOND,
    Call,
    Intrusion,
    Shown,
    Tampering,
    any_of,
    look_at_home,
    look_elsewhere,
    repeated,
    strange_nodes,
)
from models.simulation.paper_attacks import heating_off, stranger_like
from models.simulation.service_models import (
    BATTERY,
    DOOR_LOCK,
    LIGHT_CONTROLLER,
    TEMPERATURE_SENSOR,
    WASHING_MACHINE,
)
from models.simulation.step import Step
from models.simulation.trace import NORMAL

type Shift = Callable[[int], float]
"""Milliseconds since the attack began -> by how much a value is off."""


class HarderClass(StrEnum):
    """Names as they stand in labels, in the style of the public data set."""

    SLOW_DENIAL_OF_SERVICE = "slowDoS"
    OUT_OF_RANGE = "valueOutOfRange"
    DRIFT = "valueDrift"
    CROSS_ROOM = "crossRoom"
    SLOW_SCAN = "slowScan"
    POISONING = "poisoning"
    MIMICRY = "mimicry"
    MALICIOUS_PERIOD = "maliciousPeriod"
    UNREGISTERED = "unregisteredService"
    RENAMED = "renamedService"
    EVENT_ORDER = "eventOrder"
    MISSING_ACCESS = "missingAccess"


_LONG = 30 * MINUTE
_SHORT = 10 * MINUTE
DRIFTED = 1.0
"""Degrees from which on a drifting value counts as anomalous: the width of the whole normal range.

Below that most of the values are ones that the sensor measures on other days, and nobody could tell.
"""


def slow_denial_of_service(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A loop runs at several times its usual rate for ten minutes. Strength: how many times.

    The service's own turns give way to the faster ones, so that all of its accesses in the flow are the attacker's.
    """
    attacker = any_of(source, site, LIGHT_CONTROLLER, TEMPERATURE_SENSOR)
    if attacker.type == LIGHT_CONTROLLER:
        call = look_at_home(site, attacker)
    else:
        call = (Operation.SET, attacker.address, "20.0")
    spacing = CYCLE / strength
    steps = repeated(source, [call], round(_SHORT / spacing), spacing, spread=0.05)

    def give_way(step: Step, _elapsed: int) -> Shown | None:
        return None if (step.operation, step.node) == call[:2] else Shown(step, NORMAL)

    label = HarderClass.SLOW_DENIAL_OF_SERVICE
    return Intrusion(label=label, attacker=attacker, steps=steps, tampering=give_way, lasting=_SHORT)


def out_of_range(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A sensor writes what it never measures, or a battery a charge it cannot have, at the usual times.

    Strength: by how much values are off, either way for a temperature.
    """
    attacker = any_of(source, site, TEMPERATURE_SENSOR, BATTERY)
    by = strength * (source.choice((-1, 1)) if attacker.type == TEMPERATURE_SENSOR else 1)
    tampering = _shifted(lambda _elapsed: by, HarderClass.OUT_OF_RANGE, 0.0)
    return Intrusion(label=HarderClass.OUT_OF_RANGE, attacker=attacker, tampering=tampering, lasting=_LONG)


def drift(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A temperature sensor's values wander off for two hours. Strength: degrees per hour.

    Rows are anomalous from `DRIFTED` degrees on.
    """
    attacker = any_of(source, site, TEMPERATURE_SENSOR)
    direction = source.choice((-1, 1))
    lasting = 4 * _LONG
    tampering = _shifted(
        lambda elapsed: direction * strength * elapsed / (60 * MINUTE), HarderClass.DRIFT, least=DRIFTED
    )
    return Intrusion(label=HarderClass.DRIFT, attacker=attacker, tampering=tampering, lasting=lasting)


def cross_room(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A registered light controller looks at another room's movement. Strength: seconds between looks."""
    attacker = any_of(source, site, LIGHT_CONTROLLER)
    call = look_elsewhere(source, site, attacker)
    spacing = strength * SECOND
    steps = repeated(source, [call], round(_LONG / spacing), spacing, spread=0.03)
    return Intrusion(label=HarderClass.CROSS_ROOM, attacker=attacker, steps=steps)


def slow_scan(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service reads one more strange node every few minutes. Strength: minutes between two."""
    attacker = any_of(source, site, DOOR_LOCK, BATTERY, WASHING_MACHINE, LIGHT_CONTROLLER)
    calls: list[Call] = [(Operation.GET, node, None) for node in strange_nodes(source, site, attacker)]
    steps = repeated(source, calls, len(calls), strength * MINUTE)
    return Intrusion(label=HarderClass.SLOW_SCAN, attacker=attacker, steps=steps)


def poisoning(site: Floorplan, strength: float, source: random.Random, lasting: int = 2 * _LONG) -> Intrusion:
    """A door lock switches the heating off again and again. Strength: seconds between two accesses."""
    attacker, call = any_of(source, site, DOOR_LOCK), heating_off(source, site)
    spacing = strength * SECOND
    steps = repeated(source, [call], max(1, round(lasting / spacing)), spacing, spread=0.1)
    return Intrusion(label=HarderClass.POISONING, attacker=attacker, steps=steps)


def mimicry(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A light controller looks once more per cycle at what it always looks at, as regularly as ever.

    Strength: seconds between two additional looks. The usual ones go on and are normal.
    """
    attacker = any_of(source, site, LIGHT_CONTROLLER)
    call = look_at_home(site, attacker)
    spacing = strength * SECOND
    steps = repeated(source, [call], round(_LONG / spacing), spacing, spread=0.02)
    return Intrusion(label=HarderClass.MIMICRY, attacker=attacker, steps=steps)


def malicious_period(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A light controller now and then looks once more at what it always looks at, at no time in particular.

    The data set's periodicity file has this attack, and its name. Strength: mean minutes between two additional looks,
    for two hours. They come independently of the usual ones, so some are within milliseconds of these.
    """
    attacker = any_of(source, site, LIGHT_CONTROLLER)
    operation, node, value = look_at_home(site, attacker)
    lasting = 4 * _LONG
    count = max(1, round(lasting / (strength * MINUTE)))
    times = sorted(source.randrange(lasting) for _ in range(count))
    steps = tuple(Step(time, operation, node, value) for time in times)
    return Intrusion(label=HarderClass.MALICIOUS_PERIOD, attacker=attacker, steps=steps)


def unregistered(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A light controller that nobody registered behaves as those of its room. Strength: seconds between looks."""
    model = any_of(source, site, LIGHT_CONTROLLER)
    call = look_at_home(site, model)
    spacing = strength * SECOND
    steps = repeated(source, [call], round(_LONG / spacing), spacing, spread=0.03)
    return Intrusion(label=HarderClass.UNREGISTERED, attacker=stranger_like(model), steps=steps)


def renamed(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service goes on under a name that nobody registered. Strength: minutes for which it does."""
    attacker = any_of(source, site, LIGHT_CONTROLLER)
    alias = stranger_like(attacker)

    def under_alias(step: Step, _elapsed: int) -> Shown:
        return Shown(step, HarderClass.RENAMED, alias)

    lasting = round(strength * MINUTE)
    return Intrusion(label=HarderClass.RENAMED, attacker=attacker, tampering=under_alias, lasting=lasting)


def event_order(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A washing machine discharges a battery without having read its charge. Strength: minutes for which it does."""
    return _skipping(site, strength, source, HarderClass.EVENT_ORDER, ("charge",))


def missing_access(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """It does so without having read whether the battery charges, either. Strength: minutes for which it does."""
    return _skipping(site, strength, source, HarderClass.MISSING_ACCESS, ("charge", "charging"))


def single_update(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """One instance gets new software and from then on reads its room's temperature. Legitimate, so normal.

    Strength: seconds between two readings.
    """
    machine = any_of(source, site, WASHING_MACHINE)
    sensor = next((each for each in site.of_type(TEMPERATURE_SENSOR) if each.location == machine.location), None)
    sensor = sensor or any_of(source, site, TEMPERATURE_SENSOR)
    spacing = strength * SECOND
    steps = repeated(source, [(Operation.GET, sensor.address, None)], round(48 * _LONG / spacing), spacing, spread=0.02)
    return Intrusion(label=NORMAL, attacker=machine, steps=steps)


def _shifted(by: Shift, label: str, least: float) -> Tampering:
    """Return a tampering that shifts numbers that are written, labelled where it is by at least so much."""

    def shift(step: Step, elapsed: int) -> Shown:
        if step.operation is not Operation.SET or step.value is None:
            return Shown(step, NORMAL)
        try:
            value = float(step.value)
        except ValueError:
            return Shown(step, NORMAL)
        off = by(elapsed)
        written = f"{value + off:.4f}" if "." in step.value else f"{value + off:.0f}"
        return Shown(msgspec.structs.replace(step, value=written), label if abs(off) >= least else NORMAL)

    return shift


def _skipping(
    site: Floorplan, strength: float, source: random.Random, label: str, skipped: tuple[str, ...]
) -> Intrusion:
    machine: Service = any_of(source, site, WASHING_MACHINE)
    written = unread = False

    def skip(step: Step, _elapsed: int) -> Shown | None:
        nonlocal written, unread
        name = step.node.rsplit("/", 1)[1]
        after_a_write, written = written, step.operation is Operation.SET
        if step.operation is Operation.GET and name in skipped and not after_a_write:
            unread = True
            return None
        discharges_unread = unread and step.operation is Operation.SET and name == "charge"
        unread = unread and not discharges_unread
        return Shown(step, label if discharges_unread else NORMAL)

    return Intrusion(label=label, attacker=machine, tampering=skip, lasting=round(strength * MINUTE))
