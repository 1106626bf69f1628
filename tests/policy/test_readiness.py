"""When a service type may be enforced, and that its services cannot undo it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.communication_model import CommunicationModel
from models.descriptor import Descriptor
from models.exchange.shared import Others, Shared
from models.knowledge import Knowledge
from models.relationship import Key, Relationship
from policy.readiness import LONGEST_STEP, Maturity, Observation, Readiness, ReadinessPolicy, observed

MINUTE = 60_000
ASKED = ReadinessPolicy.model_validate({"instance_minutes": 60, "instances": 1, "quiet": "30m"})


class Watch:
    """A type whose model grows by a minute of one instance at a time."""

    def __init__(self, asked: ReadinessPolicy = ASKED, stored: dict[str, Maturity] | None = None) -> None:
        self.readiness = Readiness(stored)
        self.asked = asked
        self.minutes = 0
        self.now = 1_763_000_000_000

    def pass_minutes(
        self, count: int, *, relationships: Callable[[int], int] = lambda _: 3, instances: int = 1
    ) -> list[bool]:
        """Return whether the type was ready after each minute."""
        found = []
        for _ in range(count):
            self.minutes += instances
            self.now += MINUTE
            self.see(relationships(self.minutes), instances)
            found.append("/light" in self.readiness.ready)
        return found

    def see(self, relationships: int = 3, instances: int = 1) -> None:
        observation = Observation(self.minutes, instances, relationships)
        self.readiness.observe({"/light": observation}, self.asked, self.now)

    def missing(self) -> list[str]:
        return self.readiness.missing("/light", self.asked)


def test_a_type_is_ready_once_it_was_watched_long_enough_and_shows_nothing_new() -> None:
    assert Watch().pass_minutes(61).index(True) == 59


def test_what_is_new_starts_the_quiet_time_again() -> None:
    watch = Watch()
    ready = watch.pass_minutes(200, relationships=lambda minute: min(minute, 100))
    assert ready.index(True) == 129


def test_what_is_missing_is_told() -> None:
    watch = Watch(ReadinessPolicy.model_validate({"instance_minutes": 60, "instances": 3, "quiet": "2h"}))
    assert watch.missing() == ["60 more instance-minutes", "3 more instances", "2h without a new relationship"]
    watch.pass_minutes(31, instances=2)
    assert watch.missing() == ["1 more instance", "90m without a new relationship"]
    watch.pass_minutes(89, instances=3)
    assert watch.missing() == ["1m without a new relationship"]
    watch.pass_minutes(1, instances=3)
    assert watch.missing() == []


def test_who_is_enforced_stays_so_whatever_its_services_do() -> None:
    watch = Watch()
    watch.pass_minutes(60)
    assert all(watch.pass_minutes(100, relationships=lambda minute: minute))


def test_who_loses_its_model_is_watched_anew() -> None:
    watch = Watch()
    watch.pass_minutes(60)
    watch.minutes = 31
    watch.see()
    assert watch.readiness.ready == {"/light"}
    watch.minutes = 29
    watch.see()
    assert watch.readiness.ready == frozenset()
    watch.readiness.observe({}, ASKED, watch.now)
    assert watch.readiness.state == {}


@pytest.mark.parametrize("idle", [True, False])
def test_time_in_which_nobody_was_watched_does_not_count(idle: bool) -> None:
    watch = Watch()
    watch.pass_minutes(1)
    watch.minutes = 10_000
    watch.see()
    for _ in range(4):
        watch.now += 10 * 60 * MINUTE
        watch.minutes += 0 if idle else 1
        watch.see()
    quiet = watch.readiness.state["/light"].quiet
    assert quiet == (0 if idle else 4 * LONGEST_STEP)


def test_it_goes_on_after_a_restart() -> None:
    watch = Watch()
    watch.pass_minutes(59)
    later = Watch(stored=dict(watch.readiness.state))
    later.minutes, later.now = watch.minutes, watch.now + 3_600_000
    assert later.pass_minutes(3) == [True, True, True]


@pytest.mark.parametrize("settings", [{"instance_minutes": 59}, {"instances": 0}, {"quiet": "0s"}])
def test_a_model_that_nobody_trusts_yet_cannot_be_called_ready(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        ReadinessPolicy.model_validate(settings)


def federated(**changes: Any) -> frozenset[str]:
    """The types that are ready after one look at one that has just been seen here for the first time."""
    asked = ReadinessPolicy.model_validate({"instance_minutes": 60, "instances": 3, **changes.pop("asked", {})})
    seen = Observation(1, 1, 1, all_minutes=60, sites=2)._replace(**changes)
    readiness = Readiness()
    readiness.observe({"/light": seen}, asked, 0)
    return readiness.ready


def test_what_two_other_sites_know_is_ready_with_its_first_instance_here() -> None:
    assert federated() == {"/light"}
    assert federated(instances=0) == frozenset()
    assert federated(sites=1) == frozenset()
    assert federated(all_minutes=59) == frozenset()
    assert federated(asked={"federated": False}) == frozenset()


def test_who_is_enforced_by_what_others_know_stays_so_until_they_take_it_back() -> None:
    readiness = Readiness()
    states = []
    for minutes, sites in ((60, 2), (60, 0), (30, 1), (29, 0)):
        readiness.observe({"/light": Observation(1, 1, 1, all_minutes=minutes, sites=sites)}, ASKED, None)
        states.append("/light" in readiness.ready)
    assert states == [True, True, True, False]


def test_what_others_tell_between_two_minutes_takes_no_quiet_time_away() -> None:
    watch = Watch()
    for _ in range(60):
        watch.pass_minutes(1)
        watch.see()
    assert watch.readiness.ready == {"/light"}


def test_what_was_learnt_here_and_elsewhere_is_observed_apart() -> None:
    key = Key("/lock", own=False, operation="set", data_type="/basic/text")
    model = CommunicationModel(service_type="/light", weight=500, relationships={key: Relationship(weight=1)})
    knowledge = Knowledge()
    knowledge.fold([Descriptor(service_type="/light", minute=7)] * 2)
    knowledge.adopt("/light", Others(elsewhere=Shared(version="0", origins=3, supporters={key: 3}, model=model)))
    assert observed(knowledge) == {"/light": Observation(2, 2, 0, all_minutes=502, sites=3)}
