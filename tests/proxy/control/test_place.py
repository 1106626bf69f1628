"""The socket is the gateway's alone from its first moment, whatever was there before and however long its path is."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from proxy.control.place import FILE, MODE, connected_socket, listening_socket, remove


def test_nobody_else_may_connect_whatever_the_process_makes_its_files_for(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with listening_socket(tmp_path):
            made = (tmp_path / FILE).stat()
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(made.st_mode)
    assert stat.S_IMODE(made.st_mode) == MODE == 0o600
    assert made.st_uid == os.geteuid()


def test_what_an_earlier_gateway_left_gives_way(tmp_path: Path) -> None:
    listening_socket(tmp_path).close()
    with pytest.raises(ConnectionRefusedError):
        connected_socket(tmp_path, 1)
    with listening_socket(tmp_path), connected_socket(tmp_path, 1):
        pass
    remove(tmp_path)
    remove(tmp_path)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_left_alone(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / FILE, tmp_path / "target"
    target.write_text("somebody's")
    if kind == "file":
        path.write_text("somebody's")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(target)
    with pytest.raises(FileExistsError, match="remove it"):
        listening_socket(tmp_path)
    assert target.read_text() == "somebody's"
    assert os.path.lexists(path)


def test_a_path_longer_than_a_socket_address_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)
    with listening_socket(deep) as listener, connected_socket(deep, 1) as client:
        server, _ = listener.accept()
        with server:
            client.sendall(b"hello")
            assert server.recv(5) == b"hello"
    assert isinstance(listener, socket.socket)


def test_a_gateway_that_does_not_run_is_not_reached(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connected_socket(tmp_path, 1)
