from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import analyzer as module
from models import knowledge
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.codec import decode
from tests.models import laws
from tests.models.accesses import MINUTE, START, access, teach
from tests.models.laws import NAMES, SUBSETS, judged, renamed, usual, without

CYCLE = 20_000
BLOCK = 7.0
"""The shipped threshold."""


def site(rng: random.Random, minutes: int, *, instances: int = 8) -> list[Access]:
    """Light controllers that each look at their room's movement sensor every 20 s, with jitter."""
    return sorted(
        (
            access(
                START + index * 1_000 + turn * CYCLE + round(rng.gauss(0, 400)) + 5_000,
                source=f"/agent{index}/light{index}",
                destination=f"/agent{index}/movement{index}",
                rooms=(f"room{index}", f"room{index}"),
            )
            for index in range(instances)
            for turn in range(minutes * MINUTE // CYCLE)
        ),
        key=lambda each: each.time,
    )


def settled(minutes: int = 60, **options: int) -> Analyzer:
    analyzer = Analyzer()
    teach(analyzer, *site(random.Random(1), minutes, **options))
    analyzer.advance(START + minutes * MINUTE)
    return analyzer


NOW = START + 60 * MINUTE


def looking(offset: int, index: int = 0, **changed: object) -> Access:
    usual = access(
        NOW + offset,
        source=f"/agent{index}/light{index}",
        destination=f"/agent{index}/movement{index}",
        rooms=(f"room{index}", f"room{index}"),
    )
    return msgspec.structs.replace(usual, **changed)


def test_normal_traffic_stays_normal() -> None:
    analyzer = Analyzer()
    highest = 0.0
    for each in site(random.Random(2), 120):
        analyzer.advance(each.time)
        highest = max(highest, analyzer.score(each).av)
        analyzer.learn(each)
    assert highest < BLOCK


def test_new_relationship_of_a_known_type_is_anomalous() -> None:
    analyzer = settled()
    for changed in (
        {"destination_type": "/lock"},
        {"operation": Operation.SET},
        {"data_type": "/basic/text"},
        {"destination": "/agent0/light0"},
    ):
        score = analyzer.score(looking(30_000, **changed))
        assert score.av >= BLOCK
        assert score.deciding == "relationship"


def test_first_accesses_of_a_type_have_small_values() -> None:
    analyzer = Analyzer()
    first = access(START)
    assert analyzer.score(first).av == 0
    analyzer.learn(first)
    analyzer.advance(START + MINUTE)
    score = analyzer.score(access(START + MINUTE, operation=Operation.SET))
    # W = 1: SoM = 1/60. N = 1, n1 = 1: u = SoR = 3/2.
    assert score.av == pytest.approx(1 / 60 * 3 / 2)


def test_relationship_becomes_usual_when_it_teaches() -> None:
    analyzer = settled()
    values: list[float] = []
    for minute in range(4):
        each = looking(minute * MINUTE, operation=Operation.SUBSCRIBE)
        values.append(analyzer.score(each).av)
        analyzer.learn(each)
        analyzer.advance(each.time + MINUTE)
    assert values == sorted(values, reverse=True)
    assert values[0] >= BLOCK > values[3]


def test_scoring_teaches_nothing() -> None:
    analyzer = settled()
    before = analyzer.models()["/light"].relationships.copy()
    for minute in range(30):
        assert analyzer.score(looking(minute * MINUTE, destination_type="/lock")).av >= BLOCK
        analyzer.advance(NOW + (minute + 1) * MINUTE)
    assert analyzer.models()["/light"].relationships == before


def test_idle_minutes_of_registered_instances_count() -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/lock1", "/lock", START)
    analyzer.register("/agent1/lock2", "/lock", START)
    for minute in range(1, 31):
        assert len(analyzer.advance(START + minute * MINUTE)) == 2
    assert analyzer.models()["/lock"].weight == 60
    assert analyzer.score(access(START + 30 * MINUTE, source="/agent1/lock1", source_type="/lock")).som == 1


def test_skipped_minutes_count_as_well() -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/lock1", "/lock", START)
    analyzer.advance(START + 45 * MINUTE)
    assert analyzer.models()["/lock"].weight == 45


def test_clock_that_was_ahead_does_not_stop_time() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START))
    analyzer.advance(START + MINUTE)
    analyzer.advance(START + 365 * 24 * 60 * MINUTE)
    after = analyzer.models()["/light"].weight
    assert after <= 1 + 24 * 60
    for minute in range(2, 63):
        analyzer.advance(START + minute * MINUTE)
    assert analyzer.models()["/light"].weight == after + 60


def test_instance_that_never_registered_is_known_from_its_first_access() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START))
    analyzer.advance(START + 60 * MINUTE)
    assert analyzer.models()["/light"].weight == 60


def test_what_is_only_refused_makes_no_instance_known() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START))
    for minute in range(60):
        analyzer.advance(START + minute * MINUTE)
        analyzer.score(access(START + minute * MINUTE, source="/agent1/rogue", operation=Operation.SET))
        analyzer = Analyzer.load(analyzer.dump()) if minute == 30 else analyzer
    analyzer.advance(START + 60 * MINUTE)
    assert analyzer.models()["/light"].weight == 60
    teach(analyzer, access(START + 60 * MINUTE, source="/agent1/rogue"))
    analyzer.advance(START + 61 * MINUTE)
    assert analyzer.models()["/light"].weight == 62


def test_flood_of_an_instance_that_is_not_known_is_flagged_all_the_same() -> None:
    analyzer = settled()
    flagged = [analyzer.score(looking(30_000 + index, index=99)).av >= BLOCK for index in range(50)]
    assert flagged[-1]
    assert len(analyzer.advance(NOW + MINUTE)) == 8


def test_instance_that_was_refused_is_known_once_it_is_registered() -> None:
    analyzer = Analyzer()
    analyzer.score(access(START))
    analyzer.register("/agent1/light1", "/light", START)
    analyzer.advance(START + MINUTE)
    assert analyzer.models()["/light"].weight == 1


def test_registered_instances_beyond_the_bound_push_no_known_one_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INSTANCES", 10)
    analyzer = settled()
    for minute in range(3):
        for index in range(100):
            analyzer.register(f"/agent1/lock{index}", "/lock", NOW + minute * MINUTE)
        types = [each.service_type for each in analyzer.advance(NOW + (minute + 1) * MINUTE)]
        assert sorted(types) == ["/light"] * 8 + ["/lock"] * 2


def test_registered_instance_takes_the_place_of_one_that_was_never_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INSTANCES", 1)
    analyzer = Analyzer()
    analyzer.score(access(START, source="/agent1/rogue"))
    analyzer.register("/agent1/lock1", "/lock", START)
    assert [each.service_type for each in analyzer.advance(START + MINUTE)] == ["/lock"]


@pytest.mark.parametrize(
    "operation", [Operation.REGISTER, Operation.UNREGISTER, Operation.GET_STREAM, Operation.SET_STREAM]
)
def test_what_the_middleware_demands_is_expected_even_where_none_was_seen(operation: Operation) -> None:
    analyzer = settled()
    own = looking(
        0, destination="/agent0/light0", node="/agent0/light0", destination_type="/light", operation=operation
    )
    assert analyzer.score(own).av < BLOCK


@pytest.mark.parametrize("operation", [Operation.UNREGISTER, Operation.GET_STREAM, Operation.SET_STREAM])
def test_of_others_it_is_not(operation: Operation) -> None:
    analyzer = settled()
    assert analyzer.score(looking(0, operation=operation)).av >= BLOCK


def test_minute_closes_once() -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/lock1", "/lock", START)
    assert analyzer.advance(START + MINUTE - 1) == []
    assert len(analyzer.advance(START + MINUTE)) == 1
    assert analyzer.advance(START + MINUTE) == []
    assert analyzer.advance(START) == []


@pytest.mark.parametrize("phase", [1_000, 7_000, 13_000, 19_000])
def test_burst_is_flagged_by_its_sixth_access_and_never_teaches(phase: int) -> None:
    analyzer = settled()
    teach(analyzer, looking(5_000))
    scores = [analyzer.score(looking(5_000 + phase + index)) for index in range(2_000)]
    flagged = [score.av >= BLOCK for score in scores]
    assert flagged.index(True) <= 5
    assert all(flagged[5:])
    assert all(score.deciding == "rate" for score in scores[10:])


def enforced(analyzer: Analyzer, *accesses: Access) -> list[Access]:
    """Judge accesses as a gateway does that enforces; return those that were refused."""
    refused = []
    for each in accesses:
        analyzer.advance(each.time)
        score = analyzer.score(each)
        if score.av < BLOCK:
            analyzer.learn(each)
        else:
            analyzer.refused(each, score, BLOCK)
            refused.append(each)
    return refused


def test_what_was_refused_teaches_no_rate_either_by_what_follows_it() -> None:
    """A service that adds a burst to each of its turns is refused for it, and all models are as if it had not been."""
    turns = site(random.Random(4), 60, instances=3)
    bursts = [
        msgspec.structs.replace(turns[0], time=turn.time + 2_000 + extra)
        for turn in turns
        if turn.source == turns[0].source
        for extra in range(30)
    ]
    accesses = sorted(
        (msgspec.structs.replace(each, time=each.time + 60 * MINUTE) for each in turns + bursts), key=_time
    )
    attacked, spared = settled(instances=3), settled(instances=3)
    refused = enforced(attacked, *accesses)
    assert len(refused) > 0.8 * len(bursts)
    kept = [each for each in accesses if not any(each is one for one in refused)]
    assert enforced(spared, *kept) == []
    for analyzer in (attacked, spared):
        analyzer.advance(START + 121 * MINUTE)
    mine, theirs = attacked.models()["/light"], spared.models()["/light"]
    for key, relationship in mine.relationships.items():
        assert relationship.slow == theirs.relationships[key].slow
        assert relationship.fast == theirs.relationships[key].fast


def _time(access: Access) -> int:
    return access.time


def test_burst_of_an_irregular_flow_is_flagged_by_its_sixth_access() -> None:
    analyzer = Analyzer()
    rng = random.Random(3)
    time = START
    while time < START + 240 * MINUTE:
        teach(analyzer, access(time))
        time += round(rng.expovariate(1 / 120_000)) + 1_000
    analyzer.advance(time)
    flagged = [analyzer.score(access(time + 60_000 + index)).av >= BLOCK for index in range(50)]
    assert flagged.index(True) in {3, 4, 5}


def test_burst_on_a_new_relationship_is_a_flood() -> None:
    analyzer = settled()
    last = [
        analyzer.score(looking(index, destination_type="/lock", node="/agent0/lock0/open")) for index in range(500)
    ][-1]
    assert last.deciding == "rate"
    assert last.av > 100


def test_normal_accesses_soon_pass_after_a_flood() -> None:
    analyzer = settled()
    for index in range(5_000):
        analyzer.score(looking(5_000 + index))
    values = [analyzer.score(looking(10_000 + turn * CYCLE)).av for turn in range(1, 12)]
    assert all(value < BLOCK for value in values[6:])


def test_slow_flood_is_flagged() -> None:
    analyzer = settled()
    values = [analyzer.score(looking(turn * 4_000)).av for turn in range(40)]
    assert values[-1] >= BLOCK


@pytest.mark.parametrize(("instances", "anomalous"), [(5, False), (6, True), (12, True)])
def test_other_room_is_anomalous_from_six_instances_on(instances: int, anomalous: bool) -> None:
    analyzer = settled(instances=instances)
    elsewhere = looking(0, index=99, destination_location="room0")
    score = analyzer.score(elsewhere)
    assert (score.av >= BLOCK) is anomalous
    assert (score.terms["location"] > 0) is anomalous


def test_unknown_source_type_is_neither_scored_nor_remembered() -> None:
    analyzer = settled()
    before = analyzer.dump()
    stranger = looking(0, source="ip:192.0.2.9", source_type=None)
    assert analyzer.score(stranger).som == 0
    analyzer.learn(stranger)
    assert analyzer.dump() == before


@given(names=NAMES, seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_scores_do_not_depend_on_the_names_of_instances(names: list[str], seed: int) -> None:
    accesses = list(laws.site(seed))
    assert judged(Analyzer, [renamed(each, names) for each in accesses]) == judged(Analyzer, accesses)


@pytest.mark.parametrize("missing", SUBSETS, ids="-".join)
def test_runs_with_any_subset_of_the_features(missing: tuple[str, ...]) -> None:
    analyzer = Analyzer()
    *before, last = without(missing, usual(120))
    teach(analyzer, *before)
    score = analyzer.score(last)
    strange = msgspec.structs.replace(last, time=last.time + 20_000, operation=Operation.SUBSCRIBE)
    if "source_type" in missing:
        assert score.som == analyzer.score(strange).som == 0
        return
    assert score.av < BLOCK
    assert not (score.terms["location"] and {"source_location", "destination_location"} & {*missing})
    assert analyzer.score(strange).av >= BLOCK
    assert analyzer.score(strange).deciding == "relationship"


def test_dump_and_load_go_on_with_identical_scores() -> None:
    accesses = site(random.Random(5), 50)
    original = Analyzer(origin="worker-1")
    teach(original, *accesses[:1000])
    copy = Analyzer.load(original.dump())
    assert copy.dump() == original.dump()
    assert copy.newest == original.newest == accesses[999].time
    for each in accesses[1000:]:
        assert len(original.advance(each.time)) == len(copy.advance(each.time))
        assert original.score(each) == copy.score(each)
        original.learn(each)
        copy.learn(each)
    assert original.models() == copy.models()


def test_time_that_passed_while_nobody_looked_does_not_count() -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/lock1", "/lock", START)
    analyzer.advance(START + 5 * MINUTE)
    later = Analyzer.load(analyzer.dump())
    later.advance(START + 500 * MINUTE)
    assert later.models()["/lock"].weight == 6
    later.advance(START + 501 * MINUTE)
    assert later.models()["/lock"].weight == 7


def test_clock_that_starts_anew_after_loading_is_followed() -> None:
    analyzer = Analyzer.load(settled().dump())
    early = START - 10**9
    analyzer.advance(early)
    assert len(analyzer.advance(early + MINUTE)) == 8
    for turn in range(10):
        assert analyzer.score(msgspec.structs.replace(looking(0), time=early + turn * CYCLE)).av < BLOCK


def test_damaged_bytes_are_refused() -> None:
    data = bytearray(settled(minutes=2).dump())
    data[len(data) // 2] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        Analyzer.load(bytes(data))


def test_newest_is_the_newest_event_time_ever_seen() -> None:
    analyzer = Analyzer()
    assert analyzer.newest == 0
    analyzer.advance(START + 5)
    analyzer.score(access(START))
    assert analyzer.newest == START + 5


def test_nodes_without_end_leave_the_state_bounded() -> None:
    analyzer = Analyzer()
    for index in range(100_000):
        each = access(START + index, node=f"/agent1/movement1/{index}", data_type=f"/type{index}")
        analyzer.score(each)
        analyzer.learn(each)
    analyzer.advance(START + 10 * MINUTE)
    assert len(analyzer.dump()) < 100_000


def test_instances_without_end_leave_the_state_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALL_FLOWS", 100)
    monkeypatch.setattr(module, "MAX_INSTANCES", 300)
    analyzer = Analyzer()
    for index in range(100_000):
        each = access(START + index, source=f"/agent1/light{index}", source_type=f"/type{index % 300}")
        analyzer.score(each)
        analyzer.learn(each)
    assert len(analyzer.advance(START + 2 * MINUTE)) == 300
    assert len(analyzer.models()) == knowledge.MAX_MODELS
    assert sum(len(instance.flows) for instance in decode(analyzer.dump()).instances) <= 100


def test_flows_are_bounded_over_all_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALL_FLOWS", 100)
    analyzer = Analyzer()
    rng = random.Random(6)
    for index in range(20_000):
        source = f"/agent1/light{rng.randrange(300)}"
        analyzer.score(access(START + index, source=source, node=f"/agent1/movement1/{rng.randrange(40)}"))
        if index % 7 == 0:
            analyzer.score(access(START + index, source=source, source_type="/other"))
    flows = [len(instance.flows) for instance in decode(analyzer.dump()).instances]
    assert sum(flows) == 100


def test_instance_that_changes_its_type_begins_anew() -> None:
    analyzer = settled()
    analyzer.register("/agent0/light0", "/lock", NOW)
    types = [descriptor.service_type for descriptor in analyzer.advance(NOW + MINUTE)]
    assert sorted(types) == ["/light"] * 7 + ["/lock"]


def test_regular_accesses_after_a_flood_are_not_blamed_for_it() -> None:
    analyzer = settled()
    flood = [analyzer.score(looking(index)) for index in range(2000)]
    after = [analyzer.score(looking(20_000 * turn)) for turn in range(1, 10)]
    assert max(score.av for score in flood[6:]) > BLOCK
    assert max(score.av for score in after) < BLOCK


def test_pauses_do_not_hide_a_flood_in_bursts() -> None:
    analyzer = settled()
    refused = 0
    for burst in range(20):
        for index in range(10):
            refused += analyzer.score(looking(16_000 * burst + index)).av >= BLOCK
    assert refused > 0.6 * 200


def test_without_rooms_and_data_types_what_is_left_still_tells() -> None:
    analyzer = Analyzer()
    bare: dict[str, Any] = {"source_location": None, "destination_location": None, "data_type": None}
    teach(analyzer, *(msgspec.structs.replace(each, **bare) for each in site(random.Random(1), 60)))
    analyzer.advance(NOW)
    usual = analyzer.score(looking(5_000, **bare))
    assert usual.av < BLOCK
    assert usual.terms["location"] == 0
    assert analyzer.score(looking(6_000, 1, **bare, destination_type="/doorLock", operation=Operation.SET)).av >= BLOCK
