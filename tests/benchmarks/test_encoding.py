"""Accesses as vectors."""

from __future__ import annotations

import msgspec
import numpy as np

from benchmarks.encoding import Encoder, Vectors, Vocabulary
from models.access import Access, Operation
from tests.models.accesses import START, access


def encoded(*accesses: Access) -> tuple[Vectors, Vocabulary]:
    vocabulary = Vocabulary(accesses)
    return Encoder(vocabulary).encode(accesses), vocabulary


def test_categories_are_one_hot_and_all_numbers_within_0_and_1() -> None:
    vectors, vocabulary = encoded(
        access(START),
        msgspec.structs.replace(access(START + 1, operation=Operation.SET), value="-4"),
        msgspec.structs.replace(access(START + 10**12, operation=Operation.SET), value="21.5"),
        msgspec.structs.replace(access(START), value="twenty"),
    )
    assert vectors.shape == (4, vocabulary.width)
    assert vectors.min() >= 0
    assert vectors.max() <= 1
    categories = vectors[:, : len(vocabulary.columns)]
    assert set(np.unique(categories)) == {0, 1}
    assert categories.sum(axis=1).tolist() == [5, 5, 5, 5]
    assert vectors[:, vocabulary.valued].tolist() == [0, 1, 1, 0]
    assert vectors[:, vocabulary.value].tolist() == [0, 0, 1, 0]


def test_every_category_makes_a_difference() -> None:
    plain = access(START, rooms=("hall", "hall"))
    others = [
        msgspec.structs.replace(plain, **change)
        for change in (
            {"source_type": "/other"},
            {"destination_type": "/other"},
            {"operation": Operation.SET},
            {"data_type": "/basic/text"},
            {"destination_location": "attic"},
            {"destination": plain.source},
        )
    ]
    vectors, vocabulary = encoded(plain, *others)
    categories = vectors[:, : len(vocabulary.columns)]
    assert len({tuple(vector) for vector in categories.tolist()}) == 7


def test_the_pause_is_that_of_the_flow() -> None:
    vectors, vocabulary = encoded(
        access(START),
        access(START + 10, source="/agent2/light2"),
        access(START + 20, operation=Operation.SET),
        access(START + 20_000),
        access(START + 20_001),
        access(START + 19_000),
    )
    pauses = vectors[:, vocabulary.gap].tolist()
    assert pauses[:3] == [1, 1, 1]
    assert 0 < pauses[4] < pauses[3] < 1
    assert pauses[5] == 0


def test_encoding_piece_by_piece_is_encoding_at_once() -> None:
    accesses = [access(START + 1000 * number) for number in range(5)]
    vectors, vocabulary = encoded(*accesses)
    encoder = Encoder(vocabulary)
    assert np.array_equal(np.vstack([encoder.encode([each]) for each in accesses]), vectors)
