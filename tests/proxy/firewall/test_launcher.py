"""The helper as the process that it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.firewall.commands import InstallTable, Quarantine
from proxy.firewall.helper import FirewallHelper, HelperClosedError, HelperLostError
from proxy.firewall.launcher import Launcher, LauncherLostError
from proxy.firewall.nftables import Applied, FirewallError
from tests.network.namespaces import Host
from tests.proxy.firewall.watched import PLAN, sender
from tests.site.processes import children, gone
from tests.waiting import PATIENCE, eventually

SERVING = """
import time
from proxy.firewall.helper import FirewallHelper
helper = FirewallHelper()
helper.start()
print("serving", flush=True)
time.sleep(60)
"""


@pytest.fixture
def launcher(machine: Host) -> Iterator[Launcher]:
    with Launcher() as launcher:
        yield launcher


@pytest.fixture
def helper(launcher: Launcher) -> Iterator[FirewallHelper]:
    helper = FirewallHelper(launcher)
    helper.start()
    helper.submit(InstallTable(PLAN)).result(PATIENCE)
    yield helper
    helper.close()


def test_a_helper_that_is_killed_is_replaced(helper: FirewallHelper) -> None:
    (maker,) = children(os.getpid(), "proxy.firewall.process")
    (first,) = children(maker)
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            assert helper.submit(Quarantine((sender(10),))).result(PATIENCE) == Applied(1)
            break
        except HelperLostError:
            assert time.monotonic() < deadline
    assert helper.restarts == 1
    eventually(lambda: first not in children(maker))


def test_what_a_terminal_or_a_service_manager_sends_does_not_end_it(helper: FirewallHelper) -> None:
    (maker,) = children(os.getpid(), "proxy.firewall.process")
    for process in (maker, *children(maker)):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(process, number)
    assert helper.changes().result(PATIENCE) == ()
    assert helper.restarts == 0


def test_without_the_process_that_makes_helpers_there_are_no_more(helper: FirewallHelper, launcher: Launcher) -> None:
    (maker,) = children(os.getpid(), "proxy.firewall.process")
    (serving,) = children(maker)
    os.kill(maker, signal.SIGKILL)
    assert helper.changes().result(PATIENCE) == (), "a helper does its work to its end"
    os.kill(serving, signal.SIGKILL)
    with pytest.raises(FirewallError):
        helper.changes().result(PATIENCE)

    def closed() -> bool:
        try:
            helper.changes()
        except HelperClosedError as told:
            return "restart the gateway" in str(told)
        return False

    eventually(closed)
    with pytest.raises(LauncherLostError):
        launcher.connect()


def test_everything_ends_with_the_gateway_however_it_ends(machine: Host) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVING], stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == b"serving\n"
        (maker,) = children(gateway.pid, "proxy.firewall.process")
        (serving,) = children(maker)
        gateway.kill()
    gone(maker, serving)


def test_closing_leaves_no_process(machine: Host) -> None:
    helper = FirewallHelper()
    helper.start()
    (maker,) = children(os.getpid(), "proxy.firewall.process")
    (serving,) = children(maker)
    assert Path(f"/proc/{serving}").exists()
    helper.close()
    gone(maker, serving)
