"""The locks: complete, hashed, in agreement with pyproject.toml, and installed as they are."""

from __future__ import annotations

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repository.tree import PACKAGES, pyproject, read

LOCKS = ("requirements.lock", "requirements-dev.lock")
BENCHMARK = "requirements-benchmark.lock"
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(lock: str) -> list[str]:
    """The requirements of a lock, one string each, with hashes and without comments."""
    text = "\n".join(line for line in read(lock).splitlines() if not line.lstrip().startswith("#"))
    return [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]


def pins(lock: str) -> dict[str, Requirement]:
    requirements = [Requirement(HASH.sub("", entry).strip()) for entry in entries(lock)]
    found = {str(canonicalize_name(requirement.name)): requirement for requirement in requirements}
    assert len(found) == len(requirements), f"{lock} pins a package twice"
    return found


def version_of(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    assert specifier.operator == "==", f"{requirement} is not pinned"
    return specifier.version


def declared(*groups: str) -> list[Requirement]:
    document = pyproject()
    texts = list(document["project"]["dependencies"])
    for group in groups:
        texts += [item for item in document["dependency-groups"][group] if isinstance(item, str)]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("lock", [*LOCKS, BENCHMARK])
def test_every_entry_is_pinned_and_hashed(lock: str) -> None:
    assert entries(lock)
    for entry in entries(lock):
        assert not entry.startswith("-"), f"{lock}: option in the lock: {entry}"
        assert HASH.search(entry), f"{lock}: no hash: {entry}"
    for requirement in pins(lock).values():
        assert version_of(requirement)
        assert requirement.url is None


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.lock", ("build",)), ("requirements-dev.lock", ("build", "dev"))]
)
def test_lock_fulfils_what_is_declared(lock: str, groups: tuple[str, ...]) -> None:
    locked = pins(lock)
    for requirement in declared(*groups):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not in {lock}: run make lock"
        assert requirement.specifier.contains(version_of(locked[name])), f"{lock} does not fulfil {requirement}"


def test_every_extra_is_tested() -> None:
    locked = pins("requirements-dev.lock")
    for texts in pyproject()["project"]["optional-dependencies"].values():
        for requirement in map(Requirement, texts):
            assert requirement.specifier.contains(version_of(locked[str(canonicalize_name(requirement.name))]))


def test_the_lock_of_benchmarks_only_adds() -> None:
    """It is installed on top of the development lock, and may change none of its packages."""
    added, development = pins(BENCHMARK), pins("requirements-dev.lock")
    for text in pyproject()["dependency-groups"]["benchmark"]:
        requirement = Requirement(text)
        name = str(canonicalize_name(requirement.name))
        assert requirement.specifier.contains(version_of(added[name]))
        assert name not in development
    common = added.keys() & development.keys()
    assert {name: version_of(added[name]) for name in common} == {
        name: version_of(development[name]) for name in common
    }


def test_what_is_tested_is_what_is_shipped() -> None:
    runtime, development = (pins(lock) for lock in LOCKS)
    # The same versions; what is shipped for some platforms only may be needed on all of them for the tests.
    assert {name: version_of(pin) for name, pin in runtime.items()}.items() <= {
        name: version_of(pin) for name, pin in development.items()
    }.items()


def test_environment_is_the_locked_one() -> None:
    wrong = [
        f"{name}: {importlib.metadata.version(name)} instead of {version_of(requirement)}"
        for name, requirement in pins("requirements-dev.lock").items()
        if (requirement.marker is None or requirement.marker.evaluate())
        and importlib.metadata.version(name) != version_of(requirement)
    ]
    assert wrong == []


def test_no_locked_package_ships_a_package_of_ours() -> None:
    for name, requirement in pins("requirements-dev.lock").items():
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        shipped = {path.parts[0].removesuffix(".py") for path in importlib.metadata.files(name) or []}
        assert not shipped.intersection(PACKAGES), f"{name} ships a top-level package with a name of ours"
