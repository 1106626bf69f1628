"""One line an event on standard error; of mitmproxy only what matters."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import logging
import structlog
from proxy import logs
logs.configure()
log = structlog.get_logger("alleyes")
log.debug("not for operators")
log.info("policy reloaded", revision="r1")
logging.getLogger("mitmproxy.proxy").info("client connect")
logging.getLogger("mitmproxy.proxy").warning("a hook failed")
"""


def test_what_an_administrator_reads() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    by_mitmproxy, ours = sorted(ended.stderr.splitlines(), key=lambda line: "policy reloaded" in line)
    assert by_mitmproxy.endswith("[WARNING] mitmproxy.proxy: a hook failed")
    assert "info" in ours
    assert "revision=r1" in ours
    assert "\x1b" not in ours
