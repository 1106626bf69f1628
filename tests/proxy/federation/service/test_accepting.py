"""Connections are counted before their handshake, and end with it."""

from __future__ import annotations

import resource
import socket
import time
from pathlib import Path

from tests.proxy.federation.service.running import HOST, Place
from tests.waiting import eventually


def test_a_handshake_that_fails_leaves_its_seat(tmp_path: Path) -> None:
    limits = {"connections": 16, "strangers": {"connections_per_address": 2}}
    with Place(tmp_path, {"limits": limits}).serving() as place:
        began = time.monotonic()
        for _ in range(10):
            with socket.create_connection((HOST, place.port), timeout=20) as raw:
                raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while raw.recv(4096):
                    pass
        eventually(lambda: place.stranger().ask("GET", "/healthz").status == 200)
        assert time.monotonic() - began < 5


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
        eventually(lambda: member.ask("GET", "/healthz").status == 200)
