"""Another policy is in force everywhere before that is told, and two reloads do not meet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from policy.document import ModeSetting, PolicyDocument
from proxy.audit.event import Detail, Kind
from proxy.policy_file import LoadedPolicy, load_policy
from proxy.processes.messages import Judge
from proxy.supervisor import policy_in_force as module
from proxy.supervisor.policy_in_force import PolicyInForce
from tests.waiting import PATIENCE, until


class Bench:
    """Workers that say what they judge by when the test lets them."""

    def __init__(self, directory: Path, workers: int = 2) -> None:
        self.file = directory / "policy.yaml"
        self.file.write_text("mode: learn\n")
        self.told: list[Judge] = []
        self.ended: list[int] = []
        self.notes: list[str] = []
        self.changes: list[LoadedPolicy] = []
        self.workers = set(range(workers))
        self.policy = PolicyInForce(
            file=self.file,
            policy=load_policy(self.file),
            judges=self,
            notes=self,
            on_change=self.changes.append,
        )
        for number in self.workers:
            self.policy.begun(number)

    def tell_all(self, message: Judge) -> None:
        self.told.append(message)

    def serving(self) -> list[int]:
        return sorted(self.workers)

    def end(self, number: int) -> None:
        self.ended.append(number)

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        assert kind is Kind.POLICY_RELOAD
        self.notes.append(sentence)

    def confirm(self, *numbers: int) -> None:
        for number in numbers:
            self.policy.confirmed(number, self.told[-1].revision)

    async def reloading(self, text: str) -> asyncio.Task[list[str]]:
        """Begin to reload; returns once the workers are told, or it is over."""
        told = len(self.told)
        task = self.reload_later(text)
        await until(lambda: len(self.told) > told or task.done())
        return task

    def reload_later(self, text: str) -> asyncio.Task[list[str]]:
        self.file.write_text(text)
        return asyncio.create_task(self.policy.reload())


async def test_it_is_told_once_all_workers_judge_by_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    task = await bench.reloading("mode: enforce\n")
    bench.confirm(0)
    await asyncio.sleep(0.03)
    assert bench.notes == []
    bench.confirm(1)
    await asyncio.wait_for(task, PATIENCE)
    assert PolicyDocument.model_validate_json(bench.told[0].policy).mode is ModeSetting.ENFORCE
    assert [policy.document.mode for policy in bench.changes] == [ModeSetting.ENFORCE]
    assert "is in force, enforce mode" in bench.notes[0]
    assert bench.ended == []


async def test_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = bench.policy.policy
    await (await bench.reloading("mode: strict\n"))
    assert bench.policy.policy is before
    assert (bench.told, bench.changes) == ([], [])
    assert bench.notes == ["The new policy is broken; the one in force stays."]
    assert [problem.split(": ")[0] for problem in bench.policy.problems] == [f"{bench.file}:1"]
    task = await bench.reloading("mode: enforce\n")
    bench.confirm(0, 1)
    await asyncio.wait_for(task, PATIENCE)
    assert bench.policy.problems == []


async def test_two_close_together_come_one_after_the_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    first = await bench.reloading("mode: enforce\n")
    second = bench.reload_later("mode: monitor\n")
    await asyncio.sleep(0.03)
    assert len(bench.told) == 1
    bench.confirm(0, 1)
    await asyncio.wait_for(first, PATIENCE)
    await until(lambda: len(bench.told) == 2)
    bench.confirm(0, 1)
    await asyncio.wait_for(second, PATIENCE)
    assert [note.split(", ")[1] for note in bench.notes] == ["enforce mode.", "monitor mode."]
    assert bench.ended == []


async def test_a_worker_that_begins_meanwhile_has_it_already(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    task = await bench.reloading("mode: enforce\n")
    bench.confirm(0)
    bench.policy.begun(1)
    await asyncio.wait_for(task, PATIENCE)
    assert bench.ended == []


async def test_a_worker_that_does_not_do_it_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 1.0)
    bench = Bench(tmp_path)
    task = await bench.reloading("mode: enforce\n")
    bench.confirm(1)
    await asyncio.wait_for(task, PATIENCE)
    assert bench.ended == [0]
