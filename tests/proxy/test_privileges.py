"""What was given up is gone, for every thread and every program started later. Each test in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from proxy.privileges import NET_ADMIN, NET_BIND_SERVICE, capabilities, user_for

NONE = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}
SOMEBODY = 64_123
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not capabilities()["CapEff"] >> 8 & 1, reason="only who has capabilities can give them up"
)


def ran(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", program, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def printed(program: str, *arguments: str) -> list[str]:
    done = ran(program, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_root
def test_nothing_is_left_and_nothing_comes_back() -> None:
    program = """
import subprocess
from pathlib import Path
from proxy import privileges
privileges.drop()
print(privileges.capabilities())
argv = ["grep", "-E", "CapBnd|CapEff|NoNewPrivs", "/proc/self/status"]
print(subprocess.run(argv, capture_output=True, text=True).stdout)
"""
    own, *later = printed(program)
    assert own == str(NONE)
    assert [line.split()[1] for line in later if line] == ["0" * 16, "0" * 16, "1"]


@needs_root
def test_a_low_port_can_be_kept_for_programs_that_are_started_also_as_somebody_else() -> None:
    program = """
import os, subprocess, sys
from pathlib import Path
from proxy import privileges
directory = Path(sys.argv[1])
os.chown(directory, 64123, 64123)
privileges.become_owner_of(directory)
privileges.drop([privileges.NET_BIND_SERVICE], passed_on=True)
print(os.geteuid())
argv = ["grep", "-E", "CapEff|CapAmb", "/proc/self/status"]
print(subprocess.run(argv, capture_output=True, text=True).stdout)
"""
    with tempfile.TemporaryDirectory() as directory:
        user, *later = printed(program, directory)
    assert user == str(SOMEBODY)
    assert [int(line.split()[1], 16) for line in later if line] == [1 << NET_BIND_SERVICE] * 2


@needs_root
def test_a_low_port_can_be_kept() -> None:
    program = """
import socket
from proxy import privileges
privileges.drop([privileges.NET_BIND_SERVICE])
print(privileges.capabilities()["CapEff"])
socket.socket().bind(("127.0.0.1", 1))
"""
    assert printed(program) == [str(1 << NET_BIND_SERVICE)]


@needs_root
def test_what_the_process_does_not_have_is_not_given_to_it() -> None:
    program = """
from proxy import privileges
privileges.drop()
privileges.drop([privileges.NET_ADMIN])
print(privileges.capabilities()["CapEff"])
"""
    assert printed(program) == ["0"]


@needs_root
def test_idle_threads_of_numpy_keep_nothing_and_numpy_still_works() -> None:
    program = """
from pathlib import Path
import numpy
from proxy import privileges
privileges.drop()
square = numpy.ones((600, 600))
assert (square @ square).sum() == 600 ** 3
for task in Path("/proc/self/task").iterdir():
    print(privileges.capabilities(task / "status"))
"""
    found = printed(program)
    assert found
    assert set(found) == {str(NONE)}


def test_a_thread_that_would_keep_its_own_is_told() -> None:
    program = """
import threading
from proxy import privileges
held = threading.Event()
threading.Thread(target=held.wait, daemon=True).start()
privileges.drop()
"""
    done = ran(program)
    assert done.returncode != 0
    assert "2 threads" in done.stderr
    assert "OPENBLAS_NUM_THREADS=1" in done.stderr


@needs_root
def test_root_becomes_the_owner_of_the_state_directory(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, SOMEBODY, SOMEBODY + 1)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    program = """
import os, sys
from pathlib import Path
from proxy import privileges
state = Path(sys.argv[1])
privileges.become_owner_of(state)
privileges.drop([privileges.NET_BIND_SERVICE])
(state / "file").write_text("")
print(os.getresuid(), os.getresgid(), os.getgroups(), privileges.capabilities()["CapEff"])
"""
    expected = f"{(SOMEBODY,) * 3} {(SOMEBODY + 1,) * 3} {[SOMEBODY + 1]} {1 << NET_BIND_SERVICE}"
    assert printed(program, str(state)) == [expected]
    assert (state / "file").stat().st_uid == SOMEBODY


@needs_root
def test_who_root_will_be_is_known_before(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert user_for(state) == 0
    state.mkdir()
    os.chown(state, SOMEBODY, SOMEBODY)
    assert user_for(state) == SOMEBODY


@pytest.mark.parametrize("name", ["own", "missing"])
def test_nobody_else_is_become_for_ones_own_directory_or_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "own").mkdir()
    program = "import os, sys; from pathlib import Path; from proxy import privileges;"
    program += "privileges.become_owner_of(Path(sys.argv[1])); print(os.getuid())"
    assert printed(program, str(tmp_path / name)) == [str(os.getuid())]


def test_the_sets_of_a_status_file_are_read(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Name:\tpython\nCapInh:\t0000000000000000\nCapPrm:\t0000000000001400\nCapEff:\t0000000000001000\n"
        "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n"
    )
    both = 1 << NET_ADMIN | 1 << NET_BIND_SERVICE
    assert capabilities(status) == {"CapInh": 0, "CapPrm": both, "CapEff": 1 << NET_ADMIN, "CapAmb": 0}
