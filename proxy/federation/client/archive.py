"""The versions that a gateway keeps, read by a command beside it, whether it runs or not; nothing is changed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from proxy.federation.client.database import FILE
from proxy.federation.client.versions import Versions
from proxy.storage.sqlite_file import address_for_reading


class ArchiveError(Exception):
    """There is nothing to be read; the text names the file and says what can be done."""


@contextlib.contextmanager
def opened(state_directory: Path) -> Iterator[Versions]:
    """Give what a state directory holds.

    Raises:
        ArchiveError: there is no file, or it cannot be read.
    """
    path = state_directory / FILE
    if not path.exists():
        raise ArchiveError(
            f"{path} is not there: the gateway has not been federated yet, or uses another state directory"
        )
    try:
        with contextlib.closing(sqlite3.connect(address_for_reading(path), uri=True, timeout=5)) as database:
            yield Versions(database)
    except sqlite3.Error as error:
        raise ArchiveError(f"{path}: {error} -- run this as root or the gateway's user") from error
