"""The targets of the Makefile, and what continuous integration runs."""

from __future__ import annotations

import re

import pytest

from tests.repository.tree import ROOT, read

WITHOUT_SETUP = {
    "help": "prints",
    "setup": "is it",
    "lock": "makes what set-up needs",
    "clean": "removes what set-up made",
}
RULE = re.compile(r"^(?P<target>[a-z-]+):(?P<needs>[^=\n]*?)(?:## (?P<help>.+))?$", re.MULTILINE)


def rules() -> dict[str, re.Match[str]]:
    return {match["target"]: match for match in RULE.finditer(read("Makefile"))}


def needs(target: str) -> list[str]:
    """Everything a target needs, in order, also through others."""
    found: list[str] = []
    for name in rules()[target]["needs"].split():
        found += [*needs(name), name]
    return found


@pytest.mark.parametrize(
    "target",
    [
        "setup",
        "node-wot",
        "demo",
        "demo-federation",
        "demo-wot",
        "run",
        "test",
        "check",
        "benchmark",
        "clean",
        "schemas",
        "lock",
    ],
)
def test_target_exists_and_says_what_it_does(target: str) -> None:
    assert target in rules()
    assert rules()[target]["help"]


@pytest.mark.parametrize("target", sorted(rules()))
def test_setup_comes_first(target: str) -> None:
    if target in WITHOUT_SETUP:
        assert needs(target) == []
    else:
        assert needs(target)[0] == "setup"


def test_every_target_is_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert set(phony.split()) == set(rules())


def test_test_includes_check() -> None:
    assert "check" in needs("test")


def test_continuous_integration_runs_the_tests() -> None:
    assert read(".ci/run").splitlines()[-1] == "exec make test"
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
