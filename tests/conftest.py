"""What must hold before any test module is imported."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator

# numpy's linear algebra starts threads when it is imported, and the kernel gives a user namespace, which the network
# tests need without root, to single-threaded processes only.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# In a user namespace everybody is root; pytest names its temporary directory after who they really are.
os.environ.setdefault("USER", getpass.getuser())

import pytest
from hypothesis import settings

from tests.site.postgres import PostgresServer, postgres_server

# Time limits for single examples say more about the machine than about the code.
settings.register_profile("alleyes", deadline=None)
settings.load_profile("alleyes")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of a process, each with a database of its own."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """How to connect to an empty database."""
    return postgres.new_database()
