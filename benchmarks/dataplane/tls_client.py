"""TLS in front of wrk, which has no client certificates: haproxy on the services' host, whose cost is not measured."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.network.namespaces import Topology
from tests.site.certificates import Credentials
from tests.site.gateway_process import AGENT_PORT

_PORT = 8443
_CONFIGURATION = """
global
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen services
    bind 127.0.0.1:{port}
    server gateway {target} ssl crt {pem} verify none
"""


@contextmanager
def tls_client(topology: Topology, directory: Path, service: Credentials) -> Iterator[str]:
    """Run it; the value is where wrk is to go, over plain HTTP."""
    pem = directory / "service.pem"
    pem.write_bytes(service.certificate.read_bytes() + service.key.read_bytes())
    file = directory / "tls-client.cfg"
    target = f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}"
    file.write_text(_CONFIGURATION.format(port=_PORT, target=target, pem=pem))
    process = topology.lan.popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield f"127.0.0.1:{_PORT}"
    finally:
        process.terminate()
        process.wait(timeout=10)
