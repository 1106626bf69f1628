"""The set-up scripts: clean, and right on machines that are not like this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.repository.tree import ROOT, files

SHELL = [path for path in files() if path.parts[0] in {"scripts", ".ci"} and path.suffix == ""]
BASE = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / script, *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with nothing but what the scripts themselves call: no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "dirname", "awk", "sort", "grep", "cat", "id"):
        found = next(Path(place) / name for place in ("/usr/bin", "/bin") if (Path(place) / name).exists())
        (folder / name).symlink_to(found)
    return folder


@pytest.mark.parametrize("script", SHELL, ids=str)
def test_script_is_executable_and_clean(script: Path) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    assert (ROOT / script).read_text().startswith("#!/bin/sh\n")
    checked = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", ROOT / script], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_no_python_says_what_to_install(tools: Path) -> None:
    result = run("scripts/find-python", PATH=str(tools))
    assert result.returncode == 1
    assert "apt-get install python3 python3-venv" in result.stderr
    assert "pyenv install" in result.stderr
    assert result.stdout == ""


def test_python_on_the_path_is_found(tools: Path) -> None:
    (tools / BASE.name).symlink_to(BASE)
    result = run("scripts/find-python", PATH=str(tools))
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).resolve() == BASE.resolve()


def test_shim_that_fails_is_passed_over_for_pyenv_versions(tools: Path, tmp_path: Path) -> None:
    """A pyenv shim exists for every version, and fails for those that are not selected."""
    for name in ("python3", "python3.12", "python3.13"):
        program(tools / name, "echo 'pyenv: command not found' >&2; exit 127")
    pyenv = tmp_path / "pyenv"
    for version in ("3.11.7", "3.13.0"):
        program(pyenv / "versions" / version / "bin" / "python", "exit 1")
    good = program(pyenv / "versions" / "3.13.10" / "bin" / "python", f'exec {BASE} "$@"')
    result = run("scripts/find-python", PATH=str(tools), PYENV_ROOT=str(pyenv))
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).resolve() == BASE.resolve()
    assert good.exists()


def test_too_old_python_is_not_taken(tools: Path) -> None:
    program(tools / "python3", "exit 1")
    assert run("scripts/find-python", PATH=str(tools)).returncode == 1


def test_named_python_is_taken_or_refused_never_replaced(tools: Path) -> None:
    (tools / BASE.name).symlink_to(BASE)
    broken = program(tools / "broken", "exit 1")
    result = run("scripts/find-python", PATH=str(tools), PYTHON=str(broken))
    assert result.returncode == 1
    assert str(broken) in result.stderr
    assert run("scripts/find-python", PATH=str(tools), PYTHON=str(BASE)).returncode == 0


def test_a_virtual_environment_is_no_base_for_another() -> None:
    assert run("scripts/find-python", PYTHON=sys.executable).returncode == 1


def test_missing_packages_are_named_to_who_is_not_root(tools: Path) -> None:
    (tools / "id").unlink()
    program(tools / "id", "echo 1000")
    program(tools / "dpkg-query", "echo 'iproute2 installed'; echo 'libnftables1 not-installed'; exit 1")
    program(tools / "apt-get", "echo must not run >&2; exit 1")
    result = run("scripts/install-debian-packages", "runtime", PATH=str(tools))
    assert result.returncode == 0
    assert "libnftables1" in result.stderr
    assert "iproute2" not in result.stderr
    assert "must not run" not in result.stderr


def test_root_installs_only_what_is_missing(tools: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tools / "id").unlink()
    program(tools / "id", "echo 0")
    program(tools / "dpkg-query", "echo 'iproute2 installed'")
    program(tools / "apt-get", f'echo "$@" >> {log}')
    result = run("scripts/install-debian-packages", "runtime", PATH=str(tools))
    assert result.returncode == 0, result.stderr
    update, install = log.read_text().splitlines()
    assert update.split()[0] == "update"
    assert install.split()[0] == "install"
    assert "libnftables1" in install
    assert "iproute2" not in install


def test_nothing_missing_touches_nothing(tools: Path) -> None:
    program(tools / "dpkg-query", "echo 'iproute2 installed'; echo 'libnftables1 installed'")
    program(tools / "apt-get", "echo must not run; exit 1")
    result = run("scripts/install-debian-packages", "runtime", PATH=str(tools))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_unknown_section_is_an_error() -> None:
    result = run("scripts/install-debian-packages", "nonsense")
    assert result.returncode == 2
    assert "nonsense" in result.stderr


def test_other_distributions_are_told_what_to_look_for(tools: Path) -> None:
    result = run("scripts/install-debian-packages", "runtime", PATH=str(tools))
    assert result.returncode == 0
    assert "libnftables1" in result.stderr


def test_second_setup_does_nothing() -> None:
    if not (ROOT / ".venv/.setup-stamp").is_file() or Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("runs in another environment than that of make setup")
    python = {"PYTHON": os.environ["PYTHON"]} if "PYTHON" in os.environ else {}
    before = time.monotonic()
    result = run("scripts/setup", **python)
    assert time.monotonic() - before < 30, "to install anything takes minutes"
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
