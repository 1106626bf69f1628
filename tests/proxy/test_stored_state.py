"""A look at the state tells what a start would, and leaves every byte as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from policy.document import Scoring
from proxy.audit.journal import Journal
from proxy.commands.run import WORKER
from proxy.configuration import load_gateway
from proxy.firewall.helper import FirewallHelper
from proxy.inputs import StartRefused, read_inputs
from proxy.storage.model_store import CURRENT, PREVIOUS
from proxy.storage.quarantine_store import FILE, QuarantineStore
from proxy.stored_state import Findings, look
from proxy.supervisor.supervisor import Supervisor
from tests.proxy.parts import plain_settings, quarantine_entry, write_settings

FINE = Findings([], [])
KILLED = """
import os
from pathlib import Path
from proxy.storage.quarantine_store import QuarantineStore
from tests.proxy.parts import quarantine_entry
QuarantineStore(Path({directory!r})).put(quarantine_entry(), None)
os.kill(os.getpid(), 9)
"""
ROOT = Path(__file__).parents[2]


def content(directory: Path) -> dict[str, tuple[int, float, bytes]]:
    """Everything under a directory, with rights and times."""
    return {
        str(path.relative_to(directory)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [directory, *directory.rglob("*")]
    }


def looked(directory: Path) -> Findings:
    """Look, and check that nothing changed."""
    before = content(directory)
    found = look(directory)
    assert content(directory) == before
    return found


def told_at_start(directory: Path) -> list[str]:
    path = write_settings(directory.parent, plain_settings(state_directory=str(directory)))
    with pytest.raises(StartRefused) as refused:
        Supervisor(read_inputs(load_gateway(path)), WORKER, FirewallHelper())
    return refused.value.problems


def test_nothing_is_stored_yet(tmp_path: Path) -> None:
    assert looked(tmp_path) == FINE
    assert look(tmp_path / "state" / "of" / "alleyes") == FINE
    assert list(tmp_path.iterdir()) == []


def test_sound_state_also_while_a_gateway_holds_it(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(Analyzer().dump())
    journal = Journal(tmp_path / "audit")
    holding = subprocess.Popen(
        [sys.executable, "-c", KILLED.format(directory=str(tmp_path)).replace("os.kill(os.getpid(), 9)", "input()")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        while not (tmp_path / f"{FILE}-wal").exists() or (tmp_path / f"{FILE}-wal").stat().st_size == 0:
            assert holding.poll() is None
        assert look(tmp_path) == FINE
    finally:
        holding.communicate(b"\n", timeout=10)
        journal.close(timeout=10)
    assert looked(tmp_path) == FINE


def test_state_that_a_killed_gateway_left(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED.format(directory=str(tmp_path))], cwd=ROOT, check=False)
    assert (tmp_path / f"{FILE}-wal").stat().st_size > 0
    assert looked(tmp_path) == FINE
    with QuarantineStore(tmp_path) as store:
        assert [each.entry["identity"] for each in store.all()] == [quarantine_entry().identity]


def test_both_generations_of_the_models_are_damaged(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / CURRENT).write_bytes(b"damaged")
    (state / PREVIOUS).write_bytes(b"damaged too")
    (problem,) = looked(state).problems
    assert [problem] == told_at_start(state)


def test_one_generation_of_the_models_is_damaged(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(b"damaged")
    (tmp_path / PREVIOUS).write_bytes(Analyzer().dump())
    found = looked(tmp_path)
    assert found.problems == []
    (warning,) = found.warnings
    assert str(tmp_path / CURRENT) in warning


def test_no_database(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE).write_bytes(b"no database" * 1000)
    (problem,) = looked(state).problems
    assert problem.startswith(f"{state / FILE}: ")
    assert [problem] == told_at_start(state)


def test_a_quarantine_that_cannot_be_read(tmp_path: Path) -> None:
    with QuarantineStore(tmp_path) as store:
        store.put(quarantine_entry(), None)
        store._database.execute("UPDATE quarantine SET entry = X'7B7D'")
    (problem,) = looked(tmp_path).problems
    assert problem.startswith(f"{tmp_path / FILE}: ")
    assert "restore it from a backup" in problem


def test_others_may_write_to_the_audit_log(tmp_path: Path) -> None:
    audit = tmp_path / "state" / "audit"
    audit.mkdir(parents=True)
    audit.chmod(0o777)
    (problem,) = looked(tmp_path / "state").problems
    assert problem.endswith(f"chmod 700 {audit}")
    assert [problem] == told_at_start(tmp_path / "state")


@pytest.mark.parametrize("name", ["audit", "audit/journal.jsonl"])
def test_something_is_in_the_way_of_the_audit_log(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    (state / "audit").mkdir(parents=True, mode=0o700)
    if name == "audit":
        (state / "audit").rmdir()
        (state / "audit").write_text("in the way")
    else:
        (state / name).symlink_to("/etc/passwd")
    (problem,) = looked(state).problems
    assert [problem] == told_at_start(state)


@pytest.mark.parametrize("below", ["", "state"])
def test_a_file_is_in_the_place_of_the_directory(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    state = tmp_path / "file" / below
    (problem,) = look(state).problems
    assert [problem] == told_at_start(state) if not below else "Not a directory" in problem


def test_only_the_models_of_the_scoring_in_force_matter(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(b"damaged")
    assert looked(tmp_path).problems
    found = look(tmp_path, Scoring.PAPER)
    assert found.problems == []
    (warning,) = found.warnings
    assert str(tmp_path / CURRENT) in warning
