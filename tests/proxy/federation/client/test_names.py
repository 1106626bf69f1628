"""Who enrols under another name is reminded of the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.federation.client import names
from proxy.federation.client.database import Disk
from proxy.federation.client.names import REMINDED, remedy

SERVICE = "https://federation.example:8470"


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path, lambda _: None)


def noted(disk: Disk, origin: str, now: float = 1000.0, service: str = SERVICE) -> tuple[bool, str]:
    return disk.do(lambda database: names.note(database, service, origin, now))


def test_who_keeps_its_name_hears_nothing(disk: Disk) -> None:
    assert noted(disk, "site-a") == noted(disk, "site-a") == (False, "")


def test_another_name_is_told_once_and_remembered_for_a_month(disk: Disk) -> None:
    noted(disk, "site-a")
    assert noted(disk, "site-b", 2000.0) == (True, "site-a")
    assert noted(disk, "site-b", 2000.0 + REMINDED) == (False, "site-a")
    assert noted(disk, "site-b", 2001.0 + REMINDED) == (False, "")


def test_who_goes_back_to_its_name_is_reminded_of_the_one_in_between(disk: Disk) -> None:
    noted(disk, "site-a")
    noted(disk, "site-b")
    assert noted(disk, "site-a") == (True, "site-b")


def test_what_another_service_calls_it_does_not_matter(disk: Disk) -> None:
    noted(disk, "site-a")
    assert noted(disk, "other", service="https://other.example") == (False, "")


def test_the_remedy_names_whom_to_revoke() -> None:
    assert remedy("site-a").endswith("alleyes federation revoke site-a")
