"""The plan that was enforced last outlives the gateway."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from proxy.storage.plan_store import FILE, PlanStore, PlanStoreError
from tests.proxy.firewall.test_nftables import PLAN


def test_the_newest_plan_comes_back(tmp_path: Path) -> None:
    store = PlanStore(tmp_path)
    store.save(PLAN)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    (tmp_path / "plan.new").write_text("a write that a crash cut short")
    store.save(PLAN)
    assert PlanStore(tmp_path).load() == PLAN
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_without_a_plan_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlanStoreError, match="no gateway has started"):
        PlanStore(tmp_path).load()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [("}", "", "JSON|truncated"), ('"iot"', '"iot; flush ruleset"', "interface name"), ("9001", "0", "outside 1 to")],
)
def test_no_damaged_value_gets_through(tmp_path: Path, old: str, new: str, reason: str) -> None:
    store = PlanStore(tmp_path)
    store.save(PLAN)
    store.path.write_text(store.path.read_text().replace(old, new))
    with pytest.raises(PlanStoreError, match=reason) as refused:
        store.load()
    assert str(store.path) in str(refused.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(PlanStoreError, match="Is a directory"):
        PlanStore(tmp_path).load()
