from __future__ import annotations

import msgspec
import pytest

from proxy.firewall.commands import MOST_ENTRIES, Alive, Command, InstallTable, Quarantine, Release, Uninstall
from proxy.firewall.plan import AccessPoint, Entry, Plan, PlanError

POINT = AccessPoint(name="agent1", ipv4="10.77.2.11", port=8443, listener_ipv4="10.77.1.1", listener_port=9001)


@pytest.mark.parametrize(
    "command",
    [
        InstallTable(Plan(access_points=(POINT,)), (Entry(ip="fd77:1::10", mac="02:00:00:00:00:01", until=12.5),)),
        Quarantine((Entry(ip="10.77.1.10"),)),
        Release((Entry(ip="10.77.1.10"),)),
        Alive((0, 3)),
        Uninstall(),
    ],
)
def test_a_command_crosses_between_processes(command: Command) -> None:
    received: Command = msgspec.msgpack.decode(msgspec.msgpack.encode(command), type=Command)
    assert received == command
    assert type(received) is type(command)


@pytest.mark.parametrize("kind", [Quarantine, Release])
def test_a_command_has_a_bounded_size(kind: type[Quarantine | Release]) -> None:
    kind((Entry(ip="10.77.1.10"),) * MOST_ENTRIES)
    with pytest.raises(PlanError, match="1025 senders in one command"):
        kind((Entry(ip="10.77.1.10"),) * (MOST_ENTRIES + 1))


@pytest.mark.parametrize("worker", [-1, 64])
def test_only_workers_that_can_be_are_alive(worker: int) -> None:
    with pytest.raises(PlanError, match=f"there is no worker {worker}"):
        Alive((0, worker))


def test_only_checked_values_cross() -> None:
    sent = msgspec.msgpack.encode({"type": "Quarantine", "entries": [{"ip": "0.0.0.0/0"}]})
    with pytest.raises(msgspec.ValidationError, match="is not an IP address"):
        msgspec.msgpack.decode(sent, type=Command)
