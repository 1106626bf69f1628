"""Workers hear of a type that is ready at once, and the audit log says so where it matters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from policy.document import PolicyDocument
from policy.readiness import Observation
from proxy.audit.event import Detail, Kind
from proxy.processes.messages import Ready
from proxy.storage.readiness_store import FILE, ReadinessStore
from proxy.supervisor.type_readiness import TypeReadiness

AUTO = {"mode": "auto", "readiness": {"instance_minutes": 60, "quiet": "1m"}}


class Bench:
    def __init__(self, directory: Path, policy: dict[str, Any] | None = None) -> None:
        self.notes: list[tuple[Kind, str]] = []
        self.told: list[Ready] = []
        self.background = ThreadPoolExecutor(1)
        document = PolicyDocument.model_validate(policy or AUTO)
        self.types = TypeReadiness(
            policy=lambda: document,
            store=ReadinessStore(directory),
            background=self.background,
            notes=self,
            tell=self.told.append,
        )

    def note(self, kind: Kind, sentence: str, **_details: Detail) -> None:
        self.notes.append((kind, sentence))

    def see(self, minutes: int, now: int) -> None:
        self.types.models_changed({"/light": Observation(minutes, 1, 2)}, now)


def test_workers_are_told_when_a_type_is_ready_and_only_then(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.see(58, 0)
    assert bench.types.missing() == {"/light": ["2 more instance-minutes", "1m without a new relationship"]}
    bench.see(59, 60_000)
    assert bench.told == []
    bench.see(60, 120_000)
    bench.see(61, 180_000)
    assert bench.told == [Ready(["/light"])]
    assert bench.types.ready == ["/light"]
    assert bench.types.missing() == {}
    text = "Service type /light is enforced from now on: its model is ready (mode auto)."
    assert bench.notes == [(Kind.READINESS, text)]


def test_it_is_remembered(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.see(60, 0)
    bench.see(61, 60_000)
    bench.background.shutdown()
    assert Bench(tmp_path).types.ready == ["/light"]


def test_a_model_that_is_gone_is_told_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.see(60, 0)
    bench.see(61, 60_000)
    bench.types.models_changed({}, 120_000)
    assert bench.told == [Ready(["/light"]), Ready([])]
    assert "only monitored" in bench.notes[-1][1]


def test_of_types_with_a_mode_of_their_own_nothing_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, AUTO | {"service_types": {"/light": {"mode": "learn"}}})
    bench.see(58, 0)
    assert bench.types.missing() == {}
    bench.see(60, 60_000)
    assert (bench.notes, bench.types.ready) == ([], ["/light"])


def test_a_disk_that_refuses_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).with_suffix(".new").mkdir()
    bench = Bench(tmp_path)
    bench.see(60, 0)
    bench.see(61, 60_000)
    bench.background.shutdown()
    assert bench.types.ready == ["/light"]
