"""A sign of life that goes stale by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from proxy.health import FILE, HealthFile, NotServing
from tests.proxy.parts import status


def problem(health: HealthFile, *, later: float = 0.0) -> str:
    with pytest.raises(NotServing) as found:
        health.read(time.time() + later)
    return str(found.value)


def test_a_beat_is_a_sign_of_life(tmp_path: Path) -> None:
    health = HealthFile(tmp_path)
    health.write(status())
    assert health.read(time.time()) == status()


def test_no_file(tmp_path: Path) -> None:
    assert problem(HealthFile(tmp_path)) == (
        f"{tmp_path / FILE} is not there: the gateway does not run, or uses another state directory"
    )


def test_a_file_that_nobody_touches_any_more(tmp_path: Path) -> None:
    health = HealthFile(tmp_path)
    health.write(status())
    assert health.read(time.time() + 9) == status()
    assert "the gateway has ended or hangs" in problem(health, later=31)


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert problem(HealthFile(tmp_path / "state")) == f"{tmp_path / 'state' / FILE}: Not a directory"


def test_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    assert "another version" in problem(HealthFile(tmp_path))


def test_the_end_is_told_and_may_be_told_twice(tmp_path: Path) -> None:
    health = HealthFile(tmp_path)
    health.write(status())
    health.clear()
    health.clear()
    assert not (tmp_path / FILE).exists()


def test_it_is_renewed_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health = HealthFile(tmp_path)
    moment = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    assert health.due()
    moment += 1.9
    assert not health.due()
    moment += 0.1
    assert health.due()


def test_a_disk_that_refuses_does_not_stop_the_gateway(tmp_path: Path) -> None:
    gone = HealthFile(tmp_path / "gone")
    gone.write(status())
    gone.clear()
    assert "is not there" in problem(gone)
