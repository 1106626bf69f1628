"""One version everywhere, and a changelog in the form it promises."""

from __future__ import annotations

import importlib.metadata
import re

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.repository.tree import pyproject, read

RELEASE = re.compile(r"^## \[(?P<version>\d+\.\d+\.\d+)\] - (?P<date>\d{4}-\d{2}-\d{2})$")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def changelog_headings(level: str) -> list[str]:
    return [line for line in read("CHANGELOG.md").splitlines() if line.startswith(level + " ")]


def releases() -> list[re.Match[str]]:
    found = [RELEASE.match(line) for line in changelog_headings("##") if line != "## [Unreleased]"]
    assert all(found), "CHANGELOG.md: a heading is neither [Unreleased] nor [x.y.z] - year-month-day"
    return [match for match in found if match]


def test_changelog_and_package_agree() -> None:
    assert releases()[0]["version"] == pyproject()["project"]["version"]


def test_installed_package_is_this_version() -> None:
    assert importlib.metadata.version("alleyes") == pyproject()["project"]["version"]


def test_releases_are_listed_newest_first() -> None:
    order = [(Version(match["version"]), match["date"]) for match in releases()]
    assert order == sorted(order, reverse=True)


def test_changes_are_of_the_known_kinds() -> None:
    assert {line.removeprefix("### ") for line in changelog_headings("###")} <= KINDS


def test_python_versions_agree() -> None:
    project = pyproject()["project"]
    supported = SpecifierSet(project["requires-python"])
    named = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if re.search(r":: Python :: 3\.\d+$", c)]
    assert named
    assert all(supported.contains(version) for version in named)
    oldest = min(named, key=Version)
    assert pyproject()["tool"]["mypy"]["python_version"] == oldest
    assert pyproject()["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
