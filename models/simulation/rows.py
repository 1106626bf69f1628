"""Accesses as lines of the paper's public data set."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterable
from typing import Protocol

from models.access import Access, Operation
from models.simulation.trace import NORMAL, Observed

HEADER = (
    *("sourceID", "sourceAddress", "sourceType", "sourceLocation"),
    *("destinationServiceAddress", "destinationServiceType", "destinationLocation"),
    *("accessedNodeAddress", "accessedNodeType", "operation", "value", "timestamp", "normality"),
)
"""Columns, in the data set's order."""

WORDS = {
    Operation.GET: "read",
    Operation.SET: "write",
    Operation.SUBSCRIBE: "subscribe",
    Operation.UNSUBSCRIBE: "unsubscribe",
    Operation.NOTIFY: "notifyCallback",
    Operation.LOCK: "lockSubtree",
    Operation.COMMIT: "commitSubtree",
    Operation.ROLLBACK: "rollbackSubtree",
    Operation.REGISTER: "registerService",
}
"""The data set's words; `connect` has none, as no access is recorded for it."""


class Text(Protocol):
    """Something to write text to."""

    def write(self, text: str, /) -> object:
        """Take some text."""
        ...


def row(observed: Observed) -> tuple[str, ...]:
    """Return the thirteen columns of an access, an unknown feature being empty."""
    access = observed.access
    return (
        access.source.rsplit("/", 1)[1],
        access.source,
        access.source_type or "",
        access.source_location or "",
        access.destination,
        access.destination_type or "",
        access.destination_location or "",
        access.node,
        # As in the data set: what is locked is a subtree, whatever its root is.
        "" if access.operation is Operation.LOCK else access.data_type or "",
        WORDS[access.operation],
        _value(access),
        str(access.time),
        NORMAL if observed.label == NORMAL else f"anomalous({observed.label})",
    )


def write_rows(rows: Iterable[Observed], text: Text) -> int:
    """Write a header and the rows as CSV; return how many rows there were."""
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    count = 0
    for count, observed in enumerate(rows, start=1):  # noqa: B007 -- the last count is what is returned
        writer.writerow(row(observed))
    return count


def _value(access: Access) -> str:
    match access.operation:
        case Operation.REGISTER:
            return "none"
        case Operation.SUBSCRIBE:
            # The recorder of the data set wrote a Java object there, different each time.
            number = zlib.crc32(f"{access.source} {access.node}".encode())
            return f"org.ds2os.vsl.core.utils.AddressParameters@{number:x}"
    return access.value or ""
