"""`alleyes federate`: why a service does not start, and that it ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.federation.service.running import COMMAND, HOST, Place


def refused(place: Place) -> str:
    """What is told of a service that does not start; as a process, since it gives up its rights."""
    command = [sys.executable, "-P", "-c", COMMAND, "--config", str(place.config)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert ended.returncode == 2, ended
    return ended.stderr


def test_it_ends_when_it_is_told_to_and_begins_again_with_what_it_had(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.process() as process:
        authority = place.authority.pem
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    log = (tmp_path / f"log-{place.port}").read_text()
    assert "serving" in log
    assert "ending" in log
    assert place.authority.pem == authority


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        place = Place(tmp_path, port=other.getsockname()[1])
        told = refused(place)
    assert told.startswith(f"alleyes: {HOST} port {place.port}: Address already in use -- correct `listen`")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"authority": {"certificate": "ca.pem", "key": "ca.pem"}}, "ca.pem: No such file or directory -- give the"),
        ({"storage": {"postgres": {"dsn": "host=/nowhere dbname=federation"}}}, "PostgreSQL database federation"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    assert told in refused(Place(tmp_path, settings))
