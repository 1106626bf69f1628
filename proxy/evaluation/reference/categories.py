"""How the authors' rule set folds operations and data types into a few categories.

The folding loses more than it seems to: subscribing counts as reading, booleans and whole services count as `other`.
"""

from __future__ import annotations

from models.access import Operation

OPERATIONS = 4
"""Categories of operations: read, write, lock, other."""
DATA_TYPES = 5
"""Categories of data types: number, text, list, composed, other. Nothing is ever counted as a list."""

_READ, _WRITE, _LOCK, _OTHER_OPERATION = range(OPERATIONS)
_NUMBER, _TEXT, _LIST, _COMPOSED, _OTHER_TYPE = range(DATA_TYPES)

_OF_OPERATION = {
    Operation.GET: _READ,
    Operation.SUBSCRIBE: _READ,
    Operation.UNSUBSCRIBE: _READ,
    Operation.NOTIFY: _READ,
    Operation.SET: _WRITE,
    Operation.REGISTER: _WRITE,
    Operation.LOCK: _LOCK,
    Operation.COMMIT: _LOCK,
    Operation.ROLLBACK: _LOCK,
}
_OF_DATA_TYPE = {
    "/basic/number": _NUMBER,
    "/basic/text": _TEXT,
    "/basic/list": _COMPOSED,
    "/basic/composed": _COMPOSED,
}


def category_of_operation(operation: Operation) -> int:
    """Return the index of an operation's category, 0 to 3."""
    return _OF_OPERATION.get(operation, _OTHER_OPERATION)


def category_of_data_type(data_type: str | None) -> int:
    """Return the index of a data type's category, 0 to 4; what is missing or unknown is `other`."""
    return _OF_DATA_TYPE.get(data_type or "", _OTHER_TYPE)
