"""A small evaluation: one light controller that begins to write, which it never did, and then reads too often."""

from __future__ import annotations

from pathlib import Path

from policy.document import PolicyDocument
from proxy.evaluation.report.compare import Run, Setting, compare
from proxy.evaluation.run import Selection
from proxy.evaluation.shipped import Federation
from proxy.evaluation.sites import SiteMap
from tests.proxy.evaluation.traces import hours_of_light, line, write


def trace(path: Path, label: str = "anomalous(DoSattack)") -> Path:
    flood = [line(3 * 3600 + 300 + index / 1000, label=label) for index in range(100)]
    return write(path, [*hours_of_light(), *flood])


def setting(path: Path) -> Setting:
    return Setting(path, PolicyDocument(), SiteMap(), Federation.LIVE, None, Selection())


def runs(path: Path) -> list[Run]:
    """All runs of a report over a trace, one after the other."""
    return compare(setting(path), [], lambda _: None, processes=1)
