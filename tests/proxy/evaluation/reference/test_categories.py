"""Folding of operations and data types."""

from __future__ import annotations

import pytest

from models.access import Operation
from proxy.evaluation.reference.categories import category_of_data_type, category_of_operation


@pytest.mark.parametrize(
    ("operations", "category"),
    [
        ({Operation.GET, Operation.SUBSCRIBE, Operation.UNSUBSCRIBE, Operation.NOTIFY}, 0),
        ({Operation.SET, Operation.REGISTER}, 1),
        ({Operation.LOCK, Operation.COMMIT, Operation.ROLLBACK}, 2),
        ({Operation.CONNECT}, 3),
    ],
)
def test_operations_fold_into_four(operations: set[Operation], category: int) -> None:
    assert {category_of_operation(operation) for operation in operations} == {category}


@pytest.mark.parametrize(
    ("data_type", "category"),
    [
        ("/basic/number", 0),
        ("/basic/text", 1),
        ("/basic/list", 3),
        ("/basic/composed", 3),
        ("/derived/boolean", 4),
        ("/thermostat", 4),
        ("", 4),
        (None, 4),
    ],
)
def test_a_list_counts_as_composed_and_a_boolean_as_other(data_type: str | None, category: int) -> None:
    assert category_of_data_type(data_type) == category
