"""Reports to add up, made by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from models.clustering_feature import ClusteringFeature
from models.paper.communication_model import Descriptor
from models.paper.relationship import Relationship, Sums, add_to, at_minute, shown_once

MINUTES = st.integers(25_000_000, 26_000_000)
CATEGORIES = st.lists(st.sampled_from("abc"), unique=True, max_size=3).map(lambda each: tuple(sorted(each)))
GAPS = st.lists(st.integers(0, 10**7), min_size=1, max_size=4)


def _categories(shown: tuple[str, ...], minute: int) -> Sums[tuple[str, ...]]:
    return shown_once(shown, minute) if shown else {}


def _points(values: list[int]) -> ClusteringFeature:
    return ClusteringFeature(len(values), sum(values), sum(each * each for each in values))


@st.composite
def _rows(draw: st.DrawFn) -> Relationship:
    minute = draw(MINUTES)
    count = draw(st.integers(1, 9))
    row = Relationship(
        weight=1,
        partners={count: at_minute(_points([count]), minute)},
        rooms=_categories(draw(CATEGORIES), minute),
        operations=_categories(draw(CATEGORIES), minute),
        data_types=_categories(draw(CATEGORIES), minute),
    )
    for key, gaps in draw(st.dictionaries(st.tuples(st.sampled_from("gs"), st.integers(0, 5)), GAPS)).items():
        add_to(row.periods, key, at_minute(_points(gaps), minute))
    return row


ROWS = _rows()
DESCRIPTORS = st.builds(
    Descriptor,
    service_type=st.just("/light"),
    minutes=st.just(1),
    relationships=st.dictionaries(st.sampled_from(["/a", "/b", ""]), ROWS),
)


@st.composite
def _relationships(draw: st.DrawFn) -> Relationship:
    total = Relationship()
    for row in draw(st.lists(ROWS, max_size=4)):
        total.absorb(row)
    return total


RELATIONSHIPS = _relationships()
