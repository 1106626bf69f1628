"""The scenarios of the published figures."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import msgspec
import pytest

from benchmarks.scenarios import load, main
from models.simulation.scenario import START
from models.simulation.service_models import TEMPERATURE_SENSOR, WASHING_MACHINE
from models.simulation.trace import NORMAL
from proxy.evaluation.sites import SiteMap

PUBLISHED = load()


@pytest.mark.parametrize("name", PUBLISHED.scenarios)
def test_every_scenario_can_be_simulated_with_every_seed(name: str) -> None:
    for seed in (*PUBLISHED.tuning.seeds, *PUBLISHED.published.seeds):
        simulation = PUBLISHED.simulation(name, seed)
        assert len(SiteMap.parse(simulation.sites).ranges) == 4
        assert len(list(islice(simulation.rows(), 50))) == 50


def test_nothing_is_published_on_seeds_that_were_tuned_on(tmp_path: Path) -> None:
    assert not set(PUBLISHED.tuning.seeds) & set(PUBLISHED.published.seeds)
    file = tmp_path / "bad.yaml"
    file.write_text("{tuning: {seeds: [1]}, published: {seeds: [1]}, scenarios: {}}", encoding="utf-8")
    with pytest.raises(ValueError, match="not for both"):
        load(file)


def test_updates_are_known_with_their_beginning() -> None:
    assert PUBLISHED.updates("plain") == (START + 41_400_000,)
    half_way, hour = START + 6 * 3_600_000, 3_600_000
    assert PUBLISHED.updates("single_instance_update") == (half_way,)
    assert PUBLISHED.updates("brownfield") == ()
    settings = {"hours": 12, "update_at": 7200, "attacks": [{"name": "singleUpdate", "start": 3600}, "scan"]}
    both = msgspec.structs.replace(PUBLISHED, scenarios={"both": settings})
    assert both.updates("both") == (START + 2 * hour, START + hour)


def test_the_update_of_a_single_instance_begins_when_it_is_said_to() -> None:
    (begin,) = PUBLISHED.updates("single_instance_update")
    simulation = PUBLISHED.simulation("single_instance_update", PUBLISHED.tuning.seeds[0])
    reads = [
        row.access.time
        for row in simulation.rows()
        if (row.label, row.access.source_type, row.access.destination_type)
        == (NORMAL, WASHING_MACHINE, TEMPERATURE_SENSOR)
    ]
    assert begin <= min(reads) < begin + 60_000


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("plain", "24 h, paper, update at 11.5 h"),
        ("slow_dos", "12 h, slowDoS:4"),
        ("single_instance_update", "12 h, paper and singleUpdate"),
        ("brownfield", "12 h, brownfield, paper"),
        ("silent_night", "24 h, silent 1-5 h, paper"),
        ("disorder", "12 h, disorder 0.05, paper"),
    ],
)
def test_what_a_scenario_asks_for_is_said_in_short(name: str, asked: str) -> None:
    assert PUBLISHED.asks(name) == asked


def test_they_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PUBLISHED.scenarios)
