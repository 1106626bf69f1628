"""A verdict of the running gateway cuts live connections at once, in the proxy and in the kernel."""

from __future__ import annotations

from benchmarks.dataplane.cut import measure
from tests.network.fixtures import isolated

__all__ = ["isolated"]


def test_live_connections_of_a_quarantined_sender_end_at_once(isolated: None) -> None:
    figures = measure(3)
    assert 0 < figures.proxy_ms_p50 <= figures.proxy_ms_p99
    assert 0 <= figures.kernel_ms_p50 <= figures.kernel_ms_p99
    # Only the refused caller waits for its answer; with a margin for a machine that has much else to do.
    assert figures.proxy_ms_p50 < 150
    assert figures.kernel_ms_p50 < 150
