"""Bytes and costs of contributions."""

from __future__ import annotations

import statistics

from click.testing import CliRunner

from benchmarks.contributions import PAPER, main, sizes


def test_what_is_sent_does_not_grow_with_the_traffic() -> None:
    early, late = sizes((1, 4))
    assert late.accesses > 3 * early.accesses
    assert 1 < late.descriptor < PAPER
    both = early.contributions.keys() & late.contributions.keys()
    before, after = (statistics.mean(each.contributions[name] for name in both) for each in (early, late))
    assert after < 1.7 * before  # of what is new in a young home


def test_the_figures_are_printed() -> None:
    answer = CliRunner().invoke(main, ["--hours", "0.3", "--hours", "0.5"])
    assert answer.exit_code == 0, answer.output
    assert "descriptor, mean" in answer.output
    assert "/lightControler" in answer.output
    assert "read and checked in" in answer.output
