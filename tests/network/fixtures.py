"""Fixtures of the tests that need a network of their own; a `conftest.py` takes in those that its folder uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.network.namespaces import Host, IsolationError, Topology, isolate

__all__ = ["isolated", "machine", "topology"]


@pytest.fixture(scope="session")
def isolated() -> None:
    """The test process sits in a network namespace of its own; skipped, with the reason, where that can't be."""
    try:
        isolate()
    except IsolationError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def topology(isolated: None) -> Iterator[Topology]:
    """A fresh site of throw-away hosts."""
    with Topology() as site:
        yield site


@pytest.fixture
def machine(isolated: None) -> Iterator[Host]:
    """A host that the test's thread is on: interface `iot` with 10.77.1.1 and fd77:1::1, forwarding on."""
    host = Host("machine")
    try:
        host.ip("link", "add", "iot", "type", "bridge")
        host.add_addresses("iot", ["10.77.1.1/24", "fd77:1::1/64"])
        host.ip("link", "set", "iot", "up")
        host.forwarding(on=True)
        with host.entered():
            yield host
    finally:
        host.close()
