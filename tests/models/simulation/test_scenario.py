"""Whole scenarios: against what is known of the data set, and against each other."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from models.access import Operation
from models.simulation.catalogue import AttackPlan
from models.simulation.day import HOUR
from models.simulation.rows import row as columns
from models.simulation.scenario import PERIODS, START, Scenario, Simulation, simulate
from models.simulation.trace import NORMAL, Observed
from models.timers import extract


def seconds(row: Observed) -> float:
    return (row.access.time - START) / 1000


def run(**settings: object) -> list[Observed]:
    return list(simulate(Scenario.of({"hours": 2.0, "seed": 5, **settings})))


@pytest.fixture(scope="module")
def plain() -> list[Observed]:
    return run(hours=4.0)


def test_it_has_the_rate_of_the_data_set(plain: list[Observed]) -> None:
    agents = len({row.access.source.split("/")[1] for row in plain})
    per_hour = sum(HOUR <= row.access.time - START < 3 * HOUR for row in plain) / 2
    assert abs(per_hour / agents - 12_700 / 21) < 0.2 * 12_700 / 21


def test_all_register_within_the_data_sets_window_and_most_before_they_are_needed(plain: list[Observed]) -> None:
    times = [seconds(row) for row in plain if row.access.operation is Operation.REGISTER]
    assert len(times) == len({row.access.source for row in plain})
    assert min(times) >= 0
    assert 350 < max(times) < 432


def test_loops_have_the_cycles_of_the_data_set(plain: list[Observed]) -> None:
    flows: dict[tuple[str | None, str, str, Operation], list[int]] = defaultdict(list)
    for row in plain:
        access = row.access
        flows[access.source_type, access.source, access.node, access.operation].append(access.time)

    def cycle(service_type: str, operation: Operation, end: str = "") -> float:
        gaps = [
            later - earlier
            for (kind, _, node, what), times in flows.items()
            if kind == service_type and what is operation and node.endswith(end)
            for earlier, later in pairwise(times)
        ]
        return statistics.median(gaps) / 1000

    assert abs(cycle("/sensorService", Operation.SET) - 20.6) < 0.3
    assert abs(cycle("/lightControler", Operation.GET, "/movement") - 20.6) < 0.3
    assert abs(cycle("/thermostat", Operation.GET) - 1231) < 5
    assert abs(cycle("/batteryService", Operation.SET, "/charging") - 420) < 60


def test_shares_of_the_relations_are_those_of_the_data_set(plain: list[Observed]) -> None:
    """Expected are those of the data set's normal rows before its update; the drawn sizes of sites make them vary."""
    count = Counter((row.access.source_type, row.access.operation) for row in plain)
    expected = {
        ("/lightControler", Operation.GET): 0.29,
        ("/sensorService", Operation.SET): 0.274,
        ("/batteryService", Operation.GET): 0.23,
        ("/washingService", Operation.GET): 0.119,
        ("/washingService", Operation.SET): 0.037,
    }
    for relation, share in expected.items():
        assert abs(count[relation] / len(plain) - share) < 0.3 * share, relation


def test_the_same_settings_give_the_same_rows_and_another_seed_others() -> None:
    settings = {"attacks": ["all"], "disorder": 0.05, "day_night": True}
    assert run(**settings) == run(**settings)
    assert run(**settings) != run(**settings, seed=6)


@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        (
            {"attacks": ["all", "singleUpdate"], "update_at": 900.0, "disorder": 0.05},
            "c92fb4d58d983782baeeba80772721e9403ca8e6e8079a74ed231fd5d9617274",
        ),
        (
            {"attacks": ["paper"], "brownfield": True, "day_night": True, "silent": [0.3, 0.5]},
            "5df8f59ccc93501324d981034ed716d9192cfbe9559602c78f4fa2705ad9d92b",
        ),
    ],
    ids=["attacks", "regimes"],
)
def test_rows_that_figures_were_published_of_stay_the_same(settings: dict[str, object], digest: str) -> None:
    """What the simulator learns to do must not change what it did: nobody could measure those figures again."""
    found = hashlib.sha256()
    for seed in (11, 101, 105):
        for row in run(**settings, hours=0.7, seed=seed):
            found.update(repr(columns(row)).encode())
    assert found.hexdigest() == digest


@pytest.mark.parametrize("seed", [5, 6])
def test_with_timers_light_controllers_alone_do_something_else(seed: int) -> None:
    def others(rows: list[Observed]) -> list[Observed]:
        # Nor what is read of them, or by whom: whose light is on may differ by seconds.
        return [row for row in rows if "lightcontrol" not in row.access.source + row.access.node]

    timed = run(timers=3, seed=seed)
    assert others(timed) == others(run(seed=seed))
    looks: dict[str, list[int]] = defaultdict(list)
    for row in timed:
        if row.access.source_type == "/lightControler" and row.access.operation is Operation.GET:
            looks[row.access.source].append(row.access.time)
    found = Counter(
        tuple(sorted(round(timer.period / 1000) for timer in extract(each[-64:]))) for each in looks.values()
    )
    # In all sites the same; of few controllers two timers nearly coincide.
    periods, count = found.most_common(1)[0]
    assert len(periods) == 3
    assert set(periods) <= set(PERIODS)
    assert count > 0.6 * len(looks)


def test_an_update_gives_one_timer_another_period() -> None:
    def periods(rows: list[Observed], begin: float, end: float) -> set[int]:
        looks: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            access = row.access
            if begin <= seconds(row) < end and access.node.endswith("/movement") and "light" in access.source:
                looks[access.source].append(access.time)
        named = (tuple(round(timer.period / 1000) for timer in extract(each[:64])) for each in looks.values())
        return set(Counter(tuple(sorted(each)) for each in named).most_common(1)[0][0])

    rows = run(timers=2, update_at=3600.0, hours=3.0)
    before, after = periods(rows, 1200, 3600), periods(rows, 4300, 10_800)
    assert len(before) == len(after) == 2
    assert len(before & after) == 1


def test_rows_come_in_the_order_of_time(plain: list[Observed]) -> None:
    assert all(earlier.access.time <= later.access.time for earlier, later in pairwise(plain))


def test_all_attacks_find_their_place() -> None:
    labels = Counter(row.label for row in run(hours=6.0, attacks=["all", "singleUpdate"]))
    assert len(labels) == 1 + 7 + 11
    assert sum(labels.values()) - labels[NORMAL] < 0.2 * sum(labels.values())


def test_no_attack_changes_what_the_others_do() -> None:
    def normal(rows: list[Observed]) -> list[Observed]:
        return [row for row in rows if row.label == NORMAL]

    assert normal(run(attacks=["paper", "crossRoom", "mimicry"])) == normal(run())


def test_an_update_of_the_light_controllers_is_rolled_out_in_nine_minutes() -> None:
    rows = run(update_at=3600.0)
    first: dict[str, float] = {}
    for row in rows:
        if (row.access.source_type, row.access.data_type) == ("/lightControler", "/sensorService"):
            first.setdefault(row.access.source, seconds(row))
    assert set(first) == {row.access.source for row in rows if row.access.source_type == "/lightControler"}
    assert 3600 <= min(first.values()) < 3600 + 25
    assert 400 < max(first.values()) - min(first.values()) < 575
    assert {row.label for row in rows} == {NORMAL}


def test_a_brownfield_trace_starts_in_full_swing() -> None:
    rows = run(brownfield=True, hours=1.0)
    assert Operation.REGISTER not in {row.access.operation for row in rows}
    assert min(map(seconds, rows)) >= 0
    early = sum(seconds(row) < 600 for row in rows)
    assert abs(early - len(rows) / 6) < 0.1 * len(rows) / 6


def test_a_silent_night_is_silent() -> None:
    rows = run(hours=6.0, silent=[2, 4])
    hours = Counter(int(seconds(row) // 3600) for row in rows)
    silent = [row for row in rows if 2 * 3600 + 60 <= seconds(row) < 4 * 3600]
    assert silent == []
    assert hours[4] > 0.9 * hours[1]


def test_nights_are_slower_than_days() -> None:
    rows = run(hours=9.0, day_night=True)
    hours = Counter(int(seconds(row) // 3600) for row in rows)
    assert 1.6 < hours[7] / hours[3] < 2.2


def test_a_poisoning_goes_on_from_the_beginning_and_comes_to_other_sites_later() -> None:
    for name, poisoned in (("poisoning", 1), ("poisoningTwo", 2)):
        simulation = Simulation(Scenario(hours=8.0, seed=5, attacks=(name,)))
        site_of = {agent: site for site, plan in enumerate(simulation.floorplans) for agent in plan.agents}
        times = defaultdict(list)
        for row in simulation.rows():
            if row.label != NORMAL:
                times[site_of[row.access.source.split("/")[1]]].append(seconds(row))
        early = {site for site, seen in times.items() if seen[0] < 600}
        assert len(early) == poisoned
        assert all(seen[-1] > 8 * 3600 - 1800 for site, seen in times.items() if site in early)
        assert set(times) > early
        assert all(seen[0] >= 4 * 3600 for site, seen in times.items() if site not in early)


def test_a_plan_sets_start_site_and_strength() -> None:
    plan = AttackPlan(name="slowScan", start=1000.0, site=3, strength=1.0)
    simulation = Simulation(Scenario(hours=1.0, seed=5, attacks=(plan,)))
    attack = [row for row in simulation.rows() if row.label != NORMAL]
    assert seconds(attack[0]) == 1000
    assert {row.access.source for row in attack} <= {each.address for each in simulation.floorplans[2].services}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"hours": 0.0}, "positive"),
        ({"hours": 1e9}, "at most 8784"),
        ({"sites": 0}, "1 to 1000 sites"),
        ({"update_at": float("nan")}, "before the trace"),
        ({"timers": 13}, "0 to 12 timers"),
        ({"timers": -1}, "0 to 12 timers"),
        ({"sites": 1, "attacks": ["poisoningTwo"]}, "poisoningTwo needs 2 sites, there is 1"),
        ({"disorder": 1.5}, "share"),
        ({"update_at": -1.0}, "before the trace"),
        ({"silent": [3, 25]}, "hours of the day"),
        ({"attacks": [{"name": "scan", "site": 9}]}, "names a site"),
        ({"attacks": ["scam"]}, "is no attack"),
        ({"attack": ["scan"]}, "unknown field"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Scenario.of(settings)


def test_an_attack_that_no_site_can_host_is_told() -> None:
    for seed in range(10):
        simulation = Simulation(Scenario(sites=4, seed=seed))
        offices = [
            number for number, plan in enumerate(simulation.floorplans, 1) if not plan.of_type("/washingService")
        ]
        plan = AttackPlan(name="eventOrder", site=offices[0])
        with pytest.raises(ValueError, match="eventOrder: the site has no /washingService"):
            Simulation(Scenario(sites=4, seed=seed, attacks=(plan,)))


@pytest.mark.parametrize(
    "plan",
    [
        AttackPlan(name="poisoning", strength=0.1),
        AttackPlan(name="DoSattack", strength=100_000.0, episodes=1000),
    ],
    ids=["from beginning to end", "in many episodes"],
)
def test_attacks_that_no_memory_holds_are_refused(plan: AttackPlan) -> None:
    with pytest.raises(ValueError, match="more than 2,000,000 accesses; ask for fewer"):
        Simulation(Scenario(hours=8784.0, attacks=(plan,)))
