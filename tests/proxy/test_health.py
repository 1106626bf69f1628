"""A sign of life that goes stale by itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from proxy.health import FILE, HealthFile


def test_a_beat_is_a_sign_of_life(tmp_path: Path) -> None:
    health = HealthFile(tmp_path)
    health.beat()
    assert health.problem(time.time()) is None
    assert (tmp_path / FILE).read_text() == f"{os.getpid()}\n"


def test_no_file(tmp_path: Path) -> None:
    problem = HealthFile(tmp_path).problem(time.time())
    assert problem == f"{tmp_path / FILE} is not there: the gateway does not run, or uses another state directory"


def test_a_file_that_nobody_touches_any_more(tmp_path: Path) -> None:
    health = HealthFile(tmp_path)
    health.beat()
    assert health.problem(time.time() + 9) is None
    problem = health.problem(time.time() + 31)
    assert problem is not None
    assert "the gateway has ended or hangs" in problem


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    problem = HealthFile(tmp_path / "state").problem(time.time())
    assert problem == f"{tmp_path / 'state' / FILE}: Not a directory"


def test_the_end_is_told_and_may_be_told_twice(tmp_path: Path) -> None:
    health = HealthFile(tmp_path)
    health.beat()
    health.clear()
    health.clear()
    assert not (tmp_path / FILE).exists()


def test_beats_are_cheap_and_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health = HealthFile(tmp_path)
    moment = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    health.beat()
    (tmp_path / FILE).unlink()
    moment += 1.9
    health.beat()
    assert not (tmp_path / FILE).exists()
    moment += 0.1
    health.beat()
    assert (tmp_path / FILE).exists()


def test_a_disk_that_refuses_does_not_stop_the_gateway(tmp_path: Path) -> None:
    gone = HealthFile(tmp_path / "gone")
    gone.beat()
    gone.clear()
    assert gone.problem(time.time()) is not None
