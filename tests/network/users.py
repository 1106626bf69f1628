"""Sockets that another user opens, as far as the kernel's rules can tell."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

SOMEBODY = 64_123
"""A user that has no processes of its own."""


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    """Let this thread open files and sockets as another user; skipped where root is the only user there is."""
    libc = ctypes.CDLL(None)
    libc.setfsuid(user)
    try:
        # It returns what was before, whether or not it did anything.
        if libc.setfsuid(-1) != user:
            pytest.skip(f"user {user} does not exist in this user namespace")
        yield
    finally:
        libc.setfsuid(os.geteuid())
