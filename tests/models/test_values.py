from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.candidates import Candidate
from models.relationship import key_of
from models.values import (
    BOOLEAN,
    EMPTY,
    HUGE,
    INFINITE,
    LONG,
    MOST,
    NOT_A_NUMBER,
    STRUCTURED,
    Usual,
    bin_of,
    edges,
    fell,
    read,
    usual,
)
from tests.models.accesses import START, access, teach

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)


def seen(*values: str) -> Usual | None:
    """Read what is usual after these values were written one after the other."""
    found = [read(each) for each in values]
    changes = [(before, now) for before, now in pairwise(found) if before != now]
    return usual(Counter(now.category for _, now in changes), sum(fell(*each) for each in changes))


def term(known: Usual | None, text: str) -> tuple[float, float]:
    assert known is not None
    return known.judge(read(text))


TEMPERATURES = [f"{20 + 0.5 * math.sin(index):.4f}" for index in range(1000)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("nan", NOT_A_NUMBER),
        ("-inf", INFINITE),
        ("1e300", HUGE),
        ("", EMPTY),
        ("true", BOOLEAN),
        ("False", BOOLEAN),
        ('{"a": 1}', STRUCTURED),
        ("<a/>" * 40, STRUCTURED),
        ("1" * 100, LONG),
        ("\ud800" * 100, LONG),
    ],
)
def test_what_is_no_number_is_of_a_kind_of_its_own(text: str, kind: int) -> None:
    assert read(text) == (kind, None)


def test_texts_are_told_apart_and_not_kept() -> None:
    assert read("cotton") == read("cotton")
    assert read("cotton") != read("wool")
    assert len({read(f"text {index}").category for index in range(10_000)}) == 128
    assert read("-lone \ud800").number is None


@given(NUMBERS)
def test_a_number_lies_within_the_edges_of_its_bin(number: float) -> None:
    index = bin_of(number)
    assert index is not None
    low, high = edges(index)
    assert low <= number <= high or (index == 0 and abs(number) < 2**-10)


@given(NUMBERS, NUMBERS)
def test_bins_are_in_the_order_of_the_numbers(one: float, other: float) -> None:
    first, second = bin_of(min(one, other)), bin_of(max(one, other))
    assert first is not None
    assert second is not None
    assert first <= second


def test_range_by_hand() -> None:
    # Bins 18 to 20 and 20 to 22: half a bin is 1, an eighth of the width 0.5. (30 - 22)^2 / 1 = 64, at most 25.
    known = seen(*TEMPERATURES)
    assert known is not None
    assert (known.low, known.high, known.scale) == (18, 22, 1)
    assert term(known, "24.5") == pytest.approx((6.25, 0))
    assert term(known, "15") == pytest.approx((9, 0))
    assert term(known, "30") == (MOST, 0)
    assert term(known, "21.9") == (0, 0)


def test_a_text_or_no_number_among_numbers_is_unusual() -> None:
    known = seen(*TEMPERATURES)
    assert all(term(known, text) == (0, MOST) for text in ("twenty", "nan", "1e300", "", "{}"))


def test_a_number_among_texts_is_unusual() -> None:
    assert term(seen(*["cotton", "wool"] * 150), "7")[1] > 7


def test_few_changes_say_nothing() -> None:
    assert seen(*["20", "21"] * 10) is None
    assert term(seen(*["20", "21"] * 100), "85")[0] < 7
    assert seen(*["20"] * 1000) is None


def test_free_text_is_never_unusual() -> None:
    known = seen(*(f"AddressParameters@{index:x}" for index in range(400)))
    assert max(term(known, f"other {index}")[1] for index in range(1000)) < 7


def test_a_small_vocabulary_knows_its_words() -> None:
    known = seen(*["cotton", "wool", "true"] * 200)
    assert term(known, "wool") == term(known, "false") == (0, 0)
    assert term(known, "twenty") == pytest.approx((0, (599 + 2) / 32))


@pytest.mark.parametrize("step", [1, -1])
def test_clocks_and_counters_have_no_range(step: int) -> None:
    known = seen(*(str(1_767_225_600_000 + step * 60_000 * index) for index in range(1000)))
    assert term(known, "5") == term(known, "9000000000000") == (0, 0)


def test_one_mistake_does_not_widen_the_range() -> None:
    assert term(seen("85", *TEMPERATURES, "85", *TEMPERATURES), "84")[0] > 7


def test_slow_drift_is_learnt() -> None:
    changes: Counter[int] = Counter()
    falls, before = 0, read("20")
    refused = 0
    for index in range(40_000):
        now = read(f"{20 + index / 2000 + 0.5 * math.sin(index):.4f}")
        if index % 100 == 0:
            known = usual(changes, falls)
        if known is not None and known.judge(now)[0] >= 7:
            refused += 1
            continue
        changes[now.category] += 1
        falls += fell(before, now)
        before = now
    assert refused == 0


@given(st.lists(st.text(max_size=8), min_size=0, max_size=60), st.text(max_size=80))
def test_terms_are_bounded(values: list[str], text: str) -> None:
    known = seen(*(values * 10))
    if known is not None:
        assert all(0 <= each <= MOST for each in known.judge(read(text)))


def writes(value: str, time: int) -> Access:
    own = "/agent1/tempin1"
    given = access(
        time, source=own, source_type="/sensor", destination=own, destination_type="/sensor", node=own,
        operation=Operation.SET, data_type="/sensor",
    )  # fmt: skip
    return msgspec.structs.replace(given, value=value)


def test_an_analyzer_refuses_a_temperature_out_of_range() -> None:
    analyzer = Analyzer()
    teach(analyzer, *(writes(text, START + index * 20_000) for index, text in enumerate(TEMPERATURES)))
    now = START + len(TEMPERATURES) * 20_000
    assert analyzer.score(writes("21.2", now)).av < 7
    score = analyzer.score(writes("85", now + 20_000))
    assert (score.deciding, score.terms["value"]) == ("value", MOST)
    assert [score.terms[f"value_{name}"] for name in ("written", "low", "high")] == [85, 18, 22]
    assert analyzer.score(writes("twenty", now + 40_000)).deciding == "text"


def test_the_reader_of_a_strange_value_is_not_to_blame() -> None:
    analyzer = Analyzer()
    reads = [
        msgspec.structs.replace(writes(text, START + index * 20_000), operation=Operation.GET)
        for index, text in enumerate([*TEMPERATURES, "85"])
    ]
    teach(analyzer, *reads[:-1])
    assert analyzer.score(reads[-1]).terms["value"] == 0


def test_two_sites_can_make_a_new_value_usual() -> None:
    analyzer = Analyzer()
    teach(analyzer, *(writes(text, START + index * 20_000) for index, text in enumerate(TEMPERATURES)))
    now = START + len(TEMPERATURES) * 20_000
    strange = writes("85", now)
    analyzer.refused(strange, analyzer.score(strange), 7)
    candidate = Candidate("/sensor", "value", key_of(strange), str(read("85").category))
    analyzer.knowledge.see(candidate, "elsewhere", "/agent9/tempin9", now)
    assert candidate in analyzer.knowledge.deliberate(now)
    assert analyzer.score(writes("86", now + 20_000)).terms["value"] == 0
