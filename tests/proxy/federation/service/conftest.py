"""One service for all tests of a module, with its members."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.federation.service.running import Place


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("service")).serving() as place:
        yield place
