"""Connections are counted before their handshake, and end with it."""

from __future__ import annotations

import resource
import socket
import time
from pathlib import Path

from tests.proxy.federation.service.running import HOST, Place
from tests.proxy.federation.service.test_connections import let_in
from tests.waiting import eventually


def test_a_handshake_that_fails_leaves_its_seat(tmp_path: Path) -> None:
    # Long after this test has lost its patience they would end by themselves.
    limits = {"connections": 16, "handshake_seconds": 300, "strangers": {"connections_per_address": 2}}
    with Place(tmp_path, {"limits": limits}).serving() as place:
        for _ in range(10):
            with socket.create_connection((HOST, place.port), timeout=20) as raw:
                raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while raw.recv(4096):
                    pass
        eventually(lambda: let_in(place.stranger(), "/healthz"))


def test_the_service_goes_on_after_descriptors_ran_out(tmp_path: Path) -> None:
    place = Place(tmp_path, {"limits": {"connections": 16}})
    with place.process() as process:
        member = place.member("patient")
        used = max(int(each.name) for each in Path(f"/proc/{process.pid}/fd").iterdir()) + 1
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used, hard))
        with socket.create_connection((HOST, place.port), timeout=20):
            time.sleep(0.3)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1024, hard))
        eventually(lambda: let_in(member, "/healthz"))
