"""A site's authority, and a throw-away machine for what needs a kernel."""

from __future__ import annotations

import pytest

from tests.network.fixtures import isolated, machine
from tests.site.certificates import SiteAuthority

__all__ = ["isolated", "machine"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    return SiteAuthority(tmp_path_factory.mktemp("authority"))
