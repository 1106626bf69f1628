"""Models outlive the gateway: at every moment one whole generation is on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from policy.document import Scoring
from proxy.storage.model_store import CURRENT, DAMAGED, PREVIOUS, ModelStore, ModelStoreError
from tests.policy.calls import EVENT_TIME


def state(service_type: str) -> bytes:
    analyzer = Analyzer()
    analyzer.register("/agent1/a", service_type, EVENT_TIME)
    analyzer.advance(EVENT_TIME + 60_000)
    return analyzer.dump()


def types(store: ModelStore) -> set[str]:
    analyzer = store.load().analyzer
    assert analyzer is not None
    return set(analyzer.models())


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path)


def test_nothing_stored_yet(store: ModelStore) -> None:
    loaded = store.load()
    assert (loaded.analyzer, loaded.warning) == (None, None)


def test_the_newest_generation_is_read(store: ModelStore, tmp_path: Path) -> None:
    store.save(state("/first"))
    store.save(state("/second"))
    assert types(store) == {"/second"}
    assert store.load().warning is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CURRENT, PREVIOUS])


def test_nobody_else_can_read_the_models(store: ModelStore, tmp_path: Path) -> None:
    store.save(state("/first"))
    assert stat.S_IMODE((tmp_path / CURRENT).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["emptied", "overwritten", "torn"])
def test_a_damaged_generation_is_named_and_the_one_before_it_used(
    store: ModelStore, tmp_path: Path, damage: bytes | None
) -> None:
    store.save(state("/first"))
    store.save(state("/second"))
    whole = (tmp_path / CURRENT).read_bytes()
    (tmp_path / CURRENT).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    loaded = store.load()
    assert loaded.warning is not None
    assert str(tmp_path / CURRENT) in loaded.warning
    assert loaded.warning.endswith(f"; going on with {tmp_path / PREVIOUS}")
    assert types(store) == {"/first"}


def test_where_nothing_can_be_read_all_files_are_named_and_none_is_lost(store: ModelStore, tmp_path: Path) -> None:
    for name in (CURRENT, PREVIOUS):
        (tmp_path / name).write_bytes(name.encode())
    with pytest.raises(ModelStoreError) as caught:
        store.load()
    for name in (CURRENT, PREVIOUS):
        assert f"{tmp_path / name}: " in str(caught.value)
        assert (tmp_path / name).read_bytes() == name.encode()
    assert "restore these files from a backup" in str(caught.value)


def test_a_path_that_is_no_file_is_told(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / CURRENT).mkdir()
    with pytest.raises(ModelStoreError, match="Is a directory"):
        store.load()


class Crash(BaseException):
    """The machine loses power."""


def crash_at(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """Lose power at the given call of a function of the operating system."""
    real = getattr(os, call)
    calls = 0

    def lose_power(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Crash
        return real(*arguments)

    monkeypatch.setattr(os, call, lose_power)


@pytest.mark.parametrize(("call", "number"), [("fsync", 1), ("replace", 1), ("replace", 2), ("fsync", 2)])
def test_a_crash_while_storing_leaves_a_whole_generation(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    store.save(state("/first"))
    with monkeypatch.context() as patched:
        crash_at(patched, call, number)
        with pytest.raises(Crash):
            store.save(state("/second"))
    assert types(store) <= {"/first", "/second"}
    store.save(state("/third"))
    assert types(store) == {"/third"}


def test_a_crash_after_damage_leaves_a_whole_generation(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(state("/first"))
    store.save(state("/second"))
    (tmp_path / CURRENT).write_bytes(b"damaged")
    assert types(store) == {"/first"}
    with monkeypatch.context() as patched:
        crash_at(patched, "replace", 2)
        with pytest.raises(Crash):
            store.save(state("/third"))
    assert types(store) <= {"/first", "/third"}


def test_a_damaged_generation_is_kept_and_does_not_push_out_the_good_one(store: ModelStore, tmp_path: Path) -> None:
    store.save(state("/first"))
    store.save(state("/second"))
    (tmp_path / CURRENT).write_bytes(b"damaged")
    after = ModelStore(tmp_path)
    after.load()
    after.save(state("/third"))
    assert (tmp_path / DAMAGED).read_bytes() == b"damaged"
    (tmp_path / CURRENT).unlink()
    assert types(after) == {"/first"}


def test_after_a_restart_the_loaded_generation_is_kept_as_the_previous_one(store: ModelStore, tmp_path: Path) -> None:
    store.save(state("/first"))
    after = ModelStore(tmp_path)
    after.load()
    after.save(state("/second"))
    assert not (tmp_path / DAMAGED).exists()
    (tmp_path / CURRENT).unlink()
    assert types(after) == {"/first"}


def test_a_disk_that_refuses_changes_nothing(store: ModelStore, tmp_path: Path) -> None:
    store.save(state("/first"))
    (tmp_path / "models.new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        store.save(state("/second"))
    assert types(store) == {"/first"}


def test_each_scoring_keeps_models_of_its_own(store: ModelStore, tmp_path: Path) -> None:
    store.save(state("/first"))
    paper = ModelStore(tmp_path, Scoring.PAPER)
    loaded = paper.load()
    assert loaded.analyzer is None
    assert loaded.warning == (
        f"no models of scoring paper yet: it learns from the start; those of another stay in {tmp_path / CURRENT}"
    )
    paper.save(PaperAnalyzer().dump())
    paper.save(PaperAnalyzer().dump())
    assert isinstance(paper.load().analyzer, PaperAnalyzer)
    assert paper.load().warning is None
    assert types(store) == {"/first"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        CURRENT,
        "models.paper.bin",
        "models.paper.previous.bin",
    ]


def test_a_file_of_another_scoring_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    (tmp_path / "models.paper.bin").write_bytes(state("/first"))
    with pytest.raises(ModelStoreError, match="no models of `scoring: paper`"):
        ModelStore(tmp_path, Scoring.PAPER).load()
