"""The scenarios of the published figures."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from benchmarks.scenarios import load, main
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


def test_they_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PUBLISHED.scenarios)
