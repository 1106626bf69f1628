"""Python's collector of cyclic garbage, for processes that keep much and make little of it."""

from __future__ import annotations

import gc

_COLLECTION = (20_000, 20, 20)
"""Objects that may be made until the young are looked at, ...; a few megabytes at most wait for that."""


def spare_the_collector() -> None:
    """Look for cyclic garbage more seldom, and never in what is there by now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTION)
