"""What the helper's process is made of: little, and no more rights than its work takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.firewall.commands import InstallTable
from proxy.firewall.helper import FirewallHelper
from proxy.privileges import NET_ADMIN, capabilities
from tests.network.namespaces import Host
from tests.proxy.firewall.watched import PLAN
from tests.site.processes import children

PARSERS_AND_MATHEMATICS = {"mitmproxy", "pydantic", "numpy", "httptools", "wsproto", "cbor2", "yaml", "cryptography"}
OURS = {"proxy", "proxy.privileges", "proxy.firewall"}


@pytest.fixture
def helpers(machine: Host) -> Iterator[list[int]]:
    """The process that makes helpers, and the helper."""
    helper = FirewallHelper()
    helper.start()
    helper.submit(InstallTable(PLAN)).result(10)
    (maker,) = children(os.getpid(), "proxy.firewall.process")
    yield [maker, *children(maker)]
    helper.close()


def test_it_imports_nothing_that_parses_what_others_send() -> None:
    text = "import json, sys, proxy.firewall.process; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=True)
    modules = json.loads(ran.stdout)
    assert PARSERS_AND_MATHEMATICS.isdisjoint(modules)
    ours = {name for name in modules if name.split(".")[0] in {"proxy", "policy", "models"}}
    assert {name for name in ours if not name.startswith("proxy.firewall.")} == OURS


def test_it_may_administer_the_network_and_nothing_else(helpers: list[int]) -> None:
    for process in helpers:
        status = Path(f"/proc/{process}/status")
        only = 1 << NET_ADMIN
        assert capabilities(status) == {"CapInh": 0, "CapPrm": only, "CapEff": only, "CapAmb": 0}
        assert "NoNewPrivs:\t1" in status.read_text()
        assert len(list(Path(f"/proc/{process}/task").iterdir())) == 1


def test_it_holds_its_connection_and_the_kernel_s_and_nothing_else(helpers: list[int]) -> None:
    inherited = os.open("/dev/null", os.O_RDONLY)
    try:
        # Of the kernel's, one is libnftables' and one our own.
        for process, sockets in zip(helpers, (1, 3), strict=True):
            held = {int(path.name): str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir()}
            assert {held[0], held[1]} == {"/dev/null"}
            others = [target for number, target in held.items() if number > 2]
            assert len(others) == sockets
            assert all(target.startswith("socket:") for target in others)
    finally:
        os.close(inherited)


def test_it_is_small(helpers: list[int]) -> None:
    for process in helpers:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                assert int(line.split()[1]) < 40_000, "kilobytes"
