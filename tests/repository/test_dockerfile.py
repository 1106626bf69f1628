"""The container image, as far as it can be checked without building it."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path

import pytest

from tests.repository.commands import problem_of
from tests.repository.tree import ROOT, files, read

CAPABILITIES = {"NET_ADMIN", "NET_BIND_SERVICE"}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: keyword and arguments, continuation lines joined, comments dropped."""
    text = "\n".join(line for line in read("Dockerfile").splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    found = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(keyword.upper(), arguments.strip()) for keyword, _, arguments in found]


def arguments_of(keyword: str) -> list[str]:
    return [arguments for name, arguments in instructions() if name == keyword]


def copies() -> list[tuple[list[str], str, bool]]:
    """Sources, destination, and whether they come from another stage, of every COPY."""
    found = []
    for arguments in arguments_of("COPY"):
        words = arguments.split()
        flags = [word for word in words if word.startswith("--")]
        *sources, destination = [word for word in words if not word.startswith("--")]
        found.append((sources, destination, any(flag.startswith("--from=") for flag in flags)))
    return found


def context_sources() -> list[str]:
    return [source for sources, _, other_stage in copies() if not other_stage for source in sources]


def is_in_context(path: Path) -> bool:
    """Whether .dockerignore lets a file into the build: the last matching line decides."""
    inside = True
    for line in read(".dockerignore").splitlines():
        if not line or line.startswith("#"):
            continue
        allowed, pattern = line.startswith("!"), line.removeprefix("!").rstrip("/")
        ends = [str(path), *map(str, list(path.parents)[:-1])]
        if pattern.startswith("**/"):
            matches = any(fnmatch.fnmatch(part, pattern.removeprefix("**/")) for part in path.parts)
        else:
            matches = any(fnmatch.fnmatch(end, pattern) for end in ends)
        if matches:
            inside = allowed
    return inside


def stages() -> list[str]:
    return arguments_of("FROM")


def runs() -> list[str]:
    return arguments_of("RUN")


def scripts_in(text: str) -> list[str]:
    return re.findall(r"scripts/[a-z-]+", text)


@pytest.mark.parametrize("source", context_sources())
def test_copied_source_exists_and_reaches_the_build(source: str) -> None:
    path = Path(source)
    below = [file for file in files() if file == path or path in file.parents]
    assert below, f"COPY {source}: there is no such file in the repository"
    assert any(is_in_context(file) for file in below), f"COPY {source}: .dockerignore keeps it out"


def test_stages_share_one_slim_debian() -> None:
    bases = {stage.split()[0] for stage in stages()}
    assert len(stages()) > 1
    assert bases == {"debian:trixie-slim"}
    named = {stage.split(" AS ")[1] for stage in stages() if " AS " in stage}
    used = {flag.removeprefix("--from=") for text in arguments_of("COPY") for flag in text.split() if "--from=" in flag}
    assert used <= named


def test_install_steps_are_those_of_make_setup() -> None:
    """Nothing is installed but by the scripts that set-up uses, each copied before it runs."""
    setup = set(scripts_in(read("scripts/setup")))
    present: set[str] = set()
    for keyword, arguments in instructions():
        if keyword == "FROM":
            present = set()
        elif keyword == "COPY":
            present.update(scripts_in(arguments))
        elif keyword == "RUN":
            used = set(scripts_in(arguments))
            assert used <= present, f"RUN {arguments}: not copied into this stage"
            assert used <= setup, f"RUN {arguments}: not a step of scripts/setup"
            assert not re.search(r"\b(pip|apt|apt-get|uv|curl|wget)\b", arguments.replace("/var/lib/apt/lists", ""))
    assert {"scripts/install-debian-packages", "scripts/make-venv", "scripts/install-project"} <= {
        script for run in runs() for script in scripts_in(run)
    }


def test_image_is_made_from_the_runtime_lock() -> None:
    (step,) = [run for run in runs() if "scripts/make-venv" in run]
    assert step.split()[-1] == "requirements.lock"


def test_everything_the_distribution_needs_is_copied() -> None:
    assert {"proxy/", "policy/", "models/", "pyproject.toml", "README.md", "LICENSE"} <= set(context_sources())


def test_capabilities_are_the_two() -> None:
    text = " ".join(runs())
    (granted,) = re.findall(r"setcap (\S+)=ep", text)
    assert {name.removeprefix("cap_").upper() for name in granted.split(",")} == CAPABILITIES
    assert set(re.findall(r"--cap-add[= ](\w+)", read("Dockerfile"))) == CAPABILITIES
    assert "--cap-drop ALL" in read("Dockerfile")
    assert "--privileged" not in read("Dockerfile")


def test_file_capabilities_are_set_after_what_clears_them() -> None:
    (step,) = [run for run in runs() if "setcap" in run]
    assert max(step.find(word) for word in ("chgrp", "chown", "chmod", "cp ")) < step.find("setcap")


def test_gateway_is_not_root() -> None:
    keywords = [keyword for keyword, _ in instructions()]
    assert arguments_of("USER") == ["alleyes"]
    assert keywords.index("USER") > max(n for n, keyword in enumerate(keywords) if keyword == "RUN")
    assert "useradd --system" in " ".join(runs())


def test_command_and_health_check_are_commands_of_alleyes() -> None:
    (entrypoint,) = map(json.loads, arguments_of("ENTRYPOINT"))
    (command,) = map(json.loads, arguments_of("CMD"))
    (health,) = [json.loads(text[text.index("[") :]) for text in arguments_of("HEALTHCHECK")]
    assert entrypoint == ["/opt/alleyes/.venv/bin/alleyes"]
    assert health[0] == entrypoint[0]
    assert problem_of(command) is None
    assert problem_of(health[1:]) is None


def test_nothing_but_what_is_named_reaches_the_build() -> None:
    assert not is_in_context(Path(".git/config"))
    assert not is_in_context(Path(".venv/bin/python"))
    assert not is_in_context(Path("tests/__init__.py"))
    assert not is_in_context(Path("proxy/__pycache__/main.pyc"))
    assert (ROOT / ".dockerignore").is_file()
