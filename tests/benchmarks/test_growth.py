"""Growth with the number of accesses."""

from __future__ import annotations

import itertools
import re

from click.testing import CliRunner

from benchmarks.growth import LOOP, endless, growth, main
from models.access import Operation


def test_the_home_goes_on_without_end_and_registers_once() -> None:
    accesses = list(itertools.islice(endless(), 40_000))
    assert all(earlier.time <= later.time for earlier, later in itertools.pairwise(accesses))
    assert accesses[-1].time - accesses[0].time > 2 * LOOP
    registered = [access.source for access in accesses if access.operation is Operation.REGISTER]
    assert len(registered) == len(set(registered))


def test_growth_is_measured_at_powers_of_ten() -> None:
    (costs,) = growth(50_000)
    assert costs.accesses == 10_000
    assert 0 < costs.score < costs.both
    assert costs.mean > 0
    assert costs.state > 1000


def test_the_figures_are_printed() -> None:
    answer = CliRunner().invoke(main, ["--most", "10000"])
    assert answer.exit_code == 0, answer.output
    assert "10,000" in answer.output
    assert "(1.00)" in answer.output
    found = re.search(
        r"([\d.]+) bytes per descriptor \(mean\), ([\d.]+) bytes of models per relationship", answer.output
    )
    assert found is not None, answer.output
    assert all(float(each) > 1 for each in found.groups())
