"""The figures of the kernel's share come from real connections that were really cut."""

from __future__ import annotations

import time
from concurrent.futures import Future

import pytest

from benchmarks.dataplane.kernel import measure
from proxy.firewall.commands import Command, Quarantine
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied
from tests.network.fixtures import isolated

__all__ = ["isolated"]


def test_every_figure_is_measured(isolated: None) -> None:
    figures = measure(cuts=4, inserts=10, sizes=(0, 10, 200))
    assert 0 <= figures.cut_ms_p50 <= figures.cut_ms_p99
    for size in ("0", "1k", "100k"):
        assert 0 < getattr(figures, f"insert_ms_at_{size}") <= getattr(figures, f"insert_ms_p99_at_{size}")


def test_a_connection_that_is_not_cut_would_be_seen(isolated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the quarantine takes hold later, the figure tells."""
    submit = FirewallHelper.submit

    def late(self: FirewallHelper, command: Command) -> Future[Applied]:
        if isinstance(command, Quarantine):
            time.sleep(0.1)
        return submit(self, command)

    monkeypatch.setattr(FirewallHelper, "submit", late)
    assert measure(cuts=2, inserts=2, sizes=(0, 1, 2)).cut_ms_p50 > 90
