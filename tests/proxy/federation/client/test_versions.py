"""The versions that are kept: bounded, named as the audit log names them, and one of them in force."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from models.exchange.envelope import encode_others
from models.exchange.shared import Others, Shared
from proxy.federation.client import versions as module
from proxy.federation.client.database import Disk
from proxy.federation.client.thinning import MOST
from proxy.federation.client.versions import Told, UnknownVersionError, Versions, name_of
from tests.proxy.federation.service.learnt import learnt

LAMP = "/lamp"
HOUR = 3600.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path, lambda _: None)
    yield found
    found._close()


@cache
def shared(number: int, service_type: str = LAMP) -> Shared:
    model = learnt(service_type, weight=3).model
    return Shared(
        version=f"{number:032x}"[::-1], origins=3, supporters=dict.fromkeys(model.relationships, 3), model=model
    )


def take(disk: Disk, number: int, now: float, service_type: str = LAMP) -> bool:
    others = Others(elsewhere=shared(number, service_type))
    told = Told(heard=name_of(others), listed=str(number), etag=f'"{number}"')
    body = encode_others(others)
    return disk.do(lambda database: Versions(database).take(service_type, told, others, body, now))


def test_a_version_is_named_as_scores_name_it() -> None:
    assert name_of(Others(elsewhere=shared(1))) == "elsewhere:100000000000"
    assert name_of(Others(site=shared(2), elsewhere=shared(1))) == "site:200000000000+elsewhere:100000000000"
    assert name_of(Others()) == "nobody"


def test_a_month_of_a_version_every_three_hours_is_few_versions(disk: Disk) -> None:
    for number in range(30 * 8):
        take(disk, number, 3 * HOUR * number)
    kept = disk.do(lambda database: Versions(database).kept(LAMP))
    assert len(kept) <= MOST + 1
    assert kept[0].in_force
    assert [each.number for each in kept] == sorted((each.number for each in kept), reverse=True)
    assert kept[-1].received < 25 * 24 * HOUR


def test_all_versions_together_have_a_bound_that_spares_what_is_in_force(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        take(disk, number, HOUR * number)
        take(disk, number, HOUR * number, "/door")
    size = disk.do(lambda database: Versions(database).kept(LAMP))[0].size
    monkeypatch.setattr(module, "MOST_BYTES", size * 3)
    take(disk, 9, HOUR * 9)
    assert len(disk.do(lambda database: Versions(database).kept(LAMP))) < 4
    (door,) = disk.do(lambda database: Versions(database).kept("/door"))
    assert door.in_force


def named(disk: Disk, text: str) -> str:
    return disk.do(lambda database: Versions(database).named(LAMP, text))


def test_a_version_is_found_by_name_and_number(disk: Disk) -> None:
    take(disk, 1, 1.0)
    take(disk, 2, 2.0)
    for text in ("elsewhere:100000000000", "#1", "1"):
        assert named(disk, text) == "elsewhere:100000000000"
    with pytest.raises(UnknownVersionError, match="there is no version 3 of /lamp; there are: #2, #1"):
        named(disk, "3")
    with pytest.raises(UnknownVersionError, match="there are: none"):
        disk.do(lambda database: Versions(database).named("/door", "3"))
    assert disk.do(lambda database: Versions(database).types()) == [LAMP]


def test_a_pinned_version_outlives_all_that_come_after_it(disk: Disk) -> None:
    assert take(disk, 1, 1.0)
    disk.do(lambda database: Versions(database).pin(LAMP, "#1", "root", 2.0))
    for number in range(2, 50):
        assert not take(disk, number, 24 * HOUR * number)
    (state,) = disk.do(lambda database: Versions(database).in_force())
    assert (state.name, state.model.pinned) == ("elsewhere:100000000000", True)
    assert state.model.newest == name_of(Others(elsewhere=shared(49)))
    others = disk.do(lambda database: Versions(database).others(LAMP, state.name))
    assert others.elsewhere is not None
    assert others.elsewhere.model == shared(1).model
    assert disk.do(lambda database: Versions(database).unpin(LAMP)) == state.model.newest
    (state,) = disk.do(lambda database: Versions(database).in_force())
    assert (state.name, state.model.pinned) == (state.model.newest, False)


def test_a_version_from_before_a_type_was_gone_can_be_pinned(disk: Disk) -> None:
    take(disk, 1, 1.0)
    assert disk.do(lambda database: Versions(database).drop(LAMP))
    assert disk.do(lambda database: Versions(database).in_force()) == []
    disk.do(lambda database: Versions(database).pin(LAMP, "#1", "root", 2.0))
    assert len(disk.do(lambda database: Versions(database).in_force())) == 1
    assert not disk.do(lambda database: Versions(database).drop(LAMP))
    assert disk.do(lambda database: Versions(database).unpin(LAMP)) is None
    assert disk.do(lambda database: Versions(database).in_force()) == []


def test_what_this_release_cannot_read_is_told_and_fetched_again(disk: Disk) -> None:
    take(disk, 1, 1.0)
    disk.do(lambda database: database.execute("UPDATE version SET body = x'00'"))
    with pytest.raises(UnknownVersionError, match="cannot be read by this release"):
        disk.do(lambda database: Versions(database).others(LAMP, "elsewhere:100000000000"))
    disk.do(lambda database: Versions(database).unreadable(LAMP, "elsewhere:100000000000"))
    assert disk.do(lambda database: Versions(database).told()) == {}


def test_a_pin_goes_with_a_version_that_cannot_be_read_any_more_and_the_newest_is_used(disk: Disk) -> None:
    take(disk, 1, 1.0)
    name = disk.do(lambda database: Versions(database).pin(LAMP, "1", "root", 1.0))
    disk.do(lambda database: Versions(database).unreadable(LAMP, name))
    assert take(disk, 2, 2.0), "it is in force"
    assert disk.do(lambda database: Versions(database).pin_of(LAMP)) is None
