"""Rows fed to a subject."""

from __future__ import annotations

from benchmarks.feeding import judged
from models.access import Access, Operation
from models.simulation.trace import NORMAL, Observed
from proxy.evaluation.subject import Judgement


class Impatient:
    """Refuses from the third access on, which is its anomaly value."""

    def __init__(self) -> None:
        self.seen = 0

    def judge(self, access: Access) -> Judgement:
        assert access.source == "/agent1/lock1"
        self.seen += 1
        return Judgement(self.seen, self.seen >= 3)


def row(time: int, label: str) -> Observed:
    own = "/agent1/lock1"
    access = Access(
        time=time,
        source=own,
        source_type="/lock",
        destination=own,
        destination_type="/lock",
        node=own,
        operation=Operation.GET,
        data_type="/lock",
    )
    return Observed(access, label)


ROWS = [row(10, NORMAL), row(20, "scan"), row(30, NORMAL), row(40, "scan")]


def test_rows_are_judged_in_their_order_and_kept_with_their_labels() -> None:
    outcomes = judged(iter(ROWS), Impatient())
    assert outcomes.time.tolist() == [10, 20, 30, 40]
    assert outcomes.anomalous.tolist() == [False, True, False, True]
    assert outcomes.av.tolist() == [1, 2, 3, 4]
    assert outcomes.refused.tolist() == [False, False, True, True]


def test_rows_before_the_first_that_counts_are_judged_all_the_same() -> None:
    outcomes = judged(iter(ROWS), Impatient(), count_from=30)
    assert outcomes.time.tolist() == [30, 40]
    assert outcomes.refused.tolist() == [True, True]
