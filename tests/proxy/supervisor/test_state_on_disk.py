"""A damaged state directory is told whole and left as it is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from proxy.configuration import load_gateway
from proxy.inputs import Inputs, StartRefused, read_inputs
from proxy.storage.model_store import CURRENT, PREVIOUS
from proxy.storage.plan_store import PlanStore
from proxy.storage.quarantine_store import FILE
from proxy.supervisor.state_on_disk import StateOnDisk, seed
from tests.proxy.parts import plain_settings, write_settings


def inputs(directory: Path) -> Inputs:
    return read_inputs(load_gateway(write_settings(directory, plain_settings(state_directory="state"))))


def test_damaged_state_is_told_at_once_and_left_as_it_is(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    damaged = {CURRENT: b"damaged", PREVIOUS: b"damaged too", FILE: b"no database" * 1000, "audit": b"in the way"}
    for name, content in damaged.items():
        (state / name).write_bytes(content)
    with pytest.raises(StartRefused) as refused:
        StateOnDisk.opened(given)
    assert len(refused.value.problems) == 3
    for name, content in damaged.items():
        assert any(str(state / name) in problem for problem in refused.value.problems)
        assert (state / name).read_bytes() == content


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StartRefused) as refused:
        StateOnDisk.opened(given)
    (problem,) = refused.value.problems
    assert problem.startswith(f"state_directory {tmp_path / 'state'}: File exists; ")


def test_a_first_start_finds_nothing_and_nobody_else_can_look_into_it(tmp_path: Path) -> None:
    disk = StateOnDisk.opened(inputs(tmp_path))
    disk.quarantines.close()
    disk.journal.close()
    assert disk.models is None
    assert disk.directory.stat().st_mode & 0o077 == 0


def test_senders_keep_their_worker_over_a_restart_with_as_many_workers(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(inputs(tmp_path).plan, workers=2)
    first = msgspec.structs.replace(plan, seed=seed(tmp_path, plan))
    PlanStore(tmp_path).save(first)
    assert seed(tmp_path, plan) == first.seed
    assert len({seed(tmp_path, msgspec.structs.replace(plan, workers=3)) for _ in range(4)}) > 1
