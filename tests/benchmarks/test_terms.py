from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.feeding import judged
from benchmarks.omission import TERMS
from benchmarks.terms import ATTACKS_FROM, START, Ablated, attacks, site, trace, without
from models.access import Access, Operation
from models.score import Named, Score
from models.simulation.trace import NORMAL, Observed


def test_sites_have_the_same_services_at_other_addresses() -> None:
    one, other = site("one"), site("other")
    assert [each.id for each in one.services] == [each.id for each in other.services]
    assert not {each.address for each in one.services} & {each.address for each in other.services}


def test_attacks_are_the_same_for_the_same_seed_and_reach_nodes_that_exist() -> None:
    plan = site("one")
    found = list(attacks(plan, 3))
    assert found == list(attacks(plan, 3))
    assert len({each.label for each in found}) == len(found)
    assert all(plan.node(step.node) for each in found for step in each.steps)


def test_trace_is_in_order_and_begins_normally() -> None:
    rows = list(islice(trace(3), 5000))
    times = [row.access.time for row in rows]
    assert times == sorted(times)
    assert times[-1] < START + ATTACKS_FROM
    assert {row.label for row in rows} == {NORMAL}


@pytest.mark.parametrize("omitted", TERMS)
def test_av_without_a_term_is_that_of_the_others(omitted: str) -> None:
    terms = {name: float(number) for number, name in enumerate(TERMS)}
    most = len(TERMS) - 1
    score = Score(
        av=0.5 * most, som=0.5, sor=0, soa=most, deciding=TERMS[-1], evidence=Named(terms), model_version="node:1"
    )
    assert without(score, None) == score.av
    assert without(score, omitted) == (score.av if omitted != TERMS[-1] else 0.5 * (most - 1))


def test_an_attack_is_refused_only_with_its_term() -> None:
    own = "/agent1/tempin1"

    def writes(turn: int, value: str, label: str) -> Observed:
        access = Access(
            time=START + turn * 20_000,
            source=own,
            source_type="/sensor",
            destination=own,
            destination_type="/sensor",
            node=own,
            operation=Operation.SET,
            data_type="/sensor",
            value=value,
        )
        return Observed(access, label)

    rows = [*(writes(turn, f"{19.6 + turn % 9 / 10:.1f}", NORMAL) for turn in range(900)), writes(900, "85", "heat")]
    assert judged(rows, Ablated()).refused.tolist() == [False] * 900 + [True]
    assert judged(rows, Ablated("value")).refused.tolist() == [False] * 901
