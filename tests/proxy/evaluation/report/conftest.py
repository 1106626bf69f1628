"""One small evaluation for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.evaluation.report.compare import Run
from tests.proxy.evaluation.report.small import runs, trace


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the trace is."""
    return trace(tmp_path_factory.mktemp("trace") / "t.csv")


@pytest.fixture(scope="session")
def made(path: Path) -> list[Run]:
    """Return all runs over it."""
    return runs(path)
