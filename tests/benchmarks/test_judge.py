"""The benchmark measures what it says: learnt calls that are let through."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.judge import Site
from proxy.audit.layout import JOURNAL_FILE


def test_a_learnt_site_is_forwarded_and_timed() -> None:
    site = Site(seed=2)
    site.learn(60)
    figures = site.measure(500)
    assert figures.forwarded > 0.9
    assert 0 < figures.score <= figures.judge_p99
    assert 0 < figures.judge <= figures.judge_p99
    assert figures.conclude > 0
    assert figures.minute > 0


def test_the_hand_over_to_a_real_audit_log_is_timed(tmp_path: Path) -> None:
    site = Site(seed=2)
    site.learn(60)
    latency = site.judge_and_record(300, tmp_path / "audit")
    assert 0 < latency.p50 <= latency.p99
    recorded = (tmp_path / "audit" / JOURNAL_FILE).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in recorded] == ["verdict"] * 300
