from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.access import Access, Operation
from models.paper import analyzer as module
from models.paper.analyzer import MAX_INSTANCES, PaperAnalyzer
from models.paper.codec import decode
from tests.models.accesses import MINUTE, START, access, teach
from tests.models.laws import NAMES, SUBSETS, judged, renamed, site, usual, without


def reading(minutes: int, start: int = START, every: int = 20_000) -> list[Access]:
    return [access(time, rooms=("Kitchen", "Kitchen")) for time in range(start, start + minutes * MINUTE, every)]


def taught(minutes: int = 120) -> PaperAnalyzer:
    """An analyzer that saw a light read its movement sensor every 20 s."""
    analyzer = PaperAnalyzer()
    teach(analyzer, *reading(minutes))
    analyzer.advance(START + minutes * MINUTE)
    return analyzer


NOW = START + 120 * MINUTE


def test_new_services_are_not_judged() -> None:
    assert PaperAnalyzer().score(access(START)).model_version == "none"


def test_support_grows_with_the_minutes_of_all_instances() -> None:
    analyzer = taught(20)
    assert analyzer.score(access(START + 20 * MINUTE)).som == 0.2
    assert PaperAnalyzer.load(analyzer.dump(), max_model_weight=40).score(access(START + 20 * MINUTE)).som == 0.5


@pytest.mark.parametrize(
    ("each", "deciding"),
    [
        (access(NOW, destination="/agent1/lock1", destination_type="/doorLock"), "relationship"),
        (access(NOW, operation=Operation.SET), "operation"),
        (access(NOW, data_type="/basic/text"), "data_type"),
        (access(NOW, rooms=("Kitchen", "Bath")), "same_location"),
        (access(NOW - 10_000), "interval"),
    ],
)
def test_what_is_new_is_as_unusual_as_can_be(each: Access, deciding: str) -> None:
    score = taught().score(each)
    assert (score.deciding, score.av) == (deciding, 100)


def test_the_usual_is_usual() -> None:
    score = taught().score(access(NOW, rooms=("Kitchen", "Kitchen")))
    assert score.av == 1  # SoM 1, SoR 1, every SoA 0
    assert max(score.terms[name] for name in ("partners", "operation", "interval", "group")) == 0


def test_everything_that_is_given_teaches_also_an_attack() -> None:
    analyzer = taught()
    attack = [access(NOW + beat * MINUTE, operation=Operation.SET, data_type="/basic/text") for beat in range(30)]
    first = analyzer.score(attack[0])
    teach(analyzer, *attack)
    last = analyzer.score(access(NOW + 30 * MINUTE, operation=Operation.SET, data_type="/basic/text"))
    assert first.av == 100
    assert last.av < 7


def test_what_is_not_given_does_not_teach() -> None:
    analyzer = taught()
    before = analyzer.models()["/light"].weight
    for beat in range(10):
        analyzer.advance(NOW + beat * MINUTE)
        analyzer.score(access(NOW + beat * MINUTE, operation=Operation.SET))
    rows = analyzer.models()["/light"].relationships["/movement"]
    assert ("set",) not in rows.operations
    assert rows.weight == 120
    assert analyzer.models()["/light"].weight > before


def test_a_flood_is_found_once_its_window_has_nothing_else() -> None:
    analyzer = PaperAnalyzer()
    # Twenty minutes at a pace that varies between 19 and 21 s.
    time = START
    for beat in range(240):
        time += 19_000 + 500 * (beat % 5)
        teach(analyzer, access(time))
    found = None
    for packet in range(1, 400):
        time += 1
        analyzer.advance(time)
        score = analyzer.score(access(time))
        if score.deciding == "group" and score.av >= 7:
            found = packet
            break
    assert found is not None
    assert 100 < found <= 200


@given(names=NAMES, seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_scores_do_not_depend_on_the_names_of_instances(names: list[str], seed: int) -> None:
    accesses = list(site(seed))
    assert judged(PaperAnalyzer, [renamed(each, names) for each in accesses]) == judged(PaperAnalyzer, accesses)


@pytest.mark.parametrize("missing", SUBSETS, ids="-".join)
def test_runs_with_any_subset_of_the_features(missing: tuple[str, ...]) -> None:
    analyzer = PaperAnalyzer()
    *before, last = without(missing, usual(120))
    teach(analyzer, *before)
    score = analyzer.score(last)
    assert score.av < 7
    assert not (score.terms["same_location"] and {"source_location", "destination_location"} & {*missing})
    assert not (score.terms["data_type"] and "data_type" in missing)
    strange = msgspec.structs.replace(last, time=last.time + 20_000, operation=Operation.SUBSCRIBE)
    found = analyzer.score(strange)
    assert found.terms["operation"] > score.terms["operation"]
    # Partners of unknown type are one: read and set in the same minutes, they hide a third operation.
    if "destination_type" not in missing:
        assert (found.deciding, found.av) == ("operation", 100)


def test_registered_instances_count_while_they_are_idle() -> None:
    analyzer = PaperAnalyzer()
    analyzer.register("/agent1/light1", "/light", START)
    analyzer.register("/agent2/light2", "/light", START)
    reports = analyzer.advance(START + 10 * MINUTE)
    assert sum(each.minutes for each in reports) == 20
    assert analyzer.models()["/light"].weight == 20
    assert analyzer.advance(START + 10 * MINUTE + 1) == []


def test_the_night_between_two_runs_does_not_count() -> None:
    analyzer = taught(20)
    again = PaperAnalyzer.load(analyzer.dump())
    assert again.newest == analyzer.newest
    again.advance(START + 500 * MINUTE)
    assert again.models()["/light"].weight == 21


def test_one_time_stamp_of_the_future_neither_stops_learning_nor_counts_for_years() -> None:
    analyzer = taught(60)
    analyzer.advance(NOW + 10 * 365 * 24 * 60 * MINUTE)
    weight = analyzer.models()["/light"].weight
    assert weight <= 60 + 24 * 60
    teach(analyzer, *reading(30, start=NOW))
    analyzer.advance(NOW + 31 * MINUTE)
    assert analyzer.models()["/light"].weight >= weight + 29


def test_what_goes_on_after_a_restart_scores_the_same() -> None:
    analyzer = taught()
    again = PaperAnalyzer.load(analyzer.dump())
    each = access(NOW + 700, rooms=("Kitchen", "Bath"))
    assert again.score(each) == analyzer.score(each)


def test_strangers_do_not_push_out_known_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INSTANCES", 3)
    analyzer = PaperAnalyzer()
    analyzer.register("/agent1/light1", "/light", START)
    for number in range(10):
        analyzer.score(access(START, source=f"ip:192.0.2.{number}", source_type=None))
    analyzer.advance(START + MINUTE)
    assert set(analyzer.models()) == {"/light"}
    # A service whose type is known finds a place.
    teach(analyzer, access(START + MINUTE, source="/agent9/lock9", source_type="/doorLock"))
    analyzer.advance(START + 2 * MINUTE)
    assert "/doorLock" in analyzer.models()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALL_FLOWS", 50)
    analyzer = PaperAnalyzer()
    for number in range(MAX_INSTANCES + 100):
        each = access(START + number, source=f"/agent{number}/light", source_type=f"/light{number}")
        analyzer.score(each)
        analyzer.learn(each)
    analyzer.advance(START + MINUTE)
    state = decode(analyzer.dump())
    assert len(state.instances) == MAX_INSTANCES
    assert sum(len(each.flows) for each in state.instances) <= 50
    assert len(analyzer.models()) == module.MAX_MODELS
