"""Batteries and the washing machines that run on them."""

from __future__ import annotations

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service
from models.simulation.pace import Pace
from models.simulation.service_models import BATTERY
from models.simulation.step import Routine, Step
from models.simulation.transaction import in_transaction

FULL = 10


def battery(service: Service, pace: Pace, ready: int) -> Routine:
    """Watch the own charge; while `charging`, add one per cycle until full."""
    charge, charging = f"{service.address}/charge", f"{service.address}/charging"
    answer = yield Step(ready, Operation.GET, charge)
    answer = yield Step(answer.time + pace.think(), Operation.SUBSCRIBE, charge)
    turn = answer.time + pace.think()
    while True:
        answer = yield Step(turn, Operation.GET, charge)
        level = as_level(answer.value)
        answer = yield Step(answer.time + pace.think(), Operation.GET, charging)
        if answer.value == "true" and level is not None:
            level = min(FULL, level + 1)
            answer = yield Step(answer.time + pace.think(), Operation.SET, charge, str(level))
            if level == FULL:
                answer = yield Step(answer.time + pace.think(), Operation.SET, charging, "false")
        turn = pace.next_turn(turn, pace.tempo.charge_cycle, answer.time)


def washing_machine(service: Service, floorplan: Floorplan, pace: Pace, ready: int) -> Routine:
    """Run on the fullest battery, taking one per cycle; ask an empty one to charge and turn to the next."""
    batteries = floorplan.partners(service, BATTERY)
    turn = ready
    while True:
        answer = yield Step(turn, Operation.GET, f"{batteries[0]}/charge")
        levels = [as_level(answer.value) or 0]
        for other in batteries[1:]:
            answer = yield Step(answer.time + pace.think(), Operation.GET, f"{other}/charge")
            levels.append(as_level(answer.value) or 0)
        source = batteries[levels.index(max(levels))]
        if pace.source.random() < pace.tempo.transaction_share:
            programme = Step(answer.time + pace.think(), Operation.SET, f"{service.address}/washing", "cotton")
            answer = yield from in_transaction(service.address, programme, pace)
        empty = False
        while not empty:
            turn = pace.next_turn(turn, pace.tempo.charge_cycle, answer.time)
            answer = yield Step(turn, Operation.GET, f"{source}/charging")
            if answer.value != "false":
                break
            answer = yield Step(answer.time + pace.think(), Operation.GET, f"{source}/charge")
            level = as_level(answer.value)
            if level is None:
                break
            level = max(0, level - 1)
            answer = yield Step(answer.time + pace.think(), Operation.SET, f"{source}/charge", str(level))
            answer = yield Step(answer.time + pace.think(), Operation.GET, f"{source}/charge")
            empty = level == 0
        if empty:
            answer = yield Step(answer.time + pace.think(), Operation.SET, f"{source}/charging", "true")
        turn = pace.next_turn(turn, pace.tempo.charge_cycle, answer.time)


def as_level(value: str | None) -> int | None:
    """Return a charge as a whole number; `None` for anything that is none."""
    return int(value) if value is not None and value.isdecimal() else None
