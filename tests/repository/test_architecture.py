"""What may be imported from where; the direction between the packages is import-linter's (pyproject.toml)."""

from __future__ import annotations

import ast
import graphlib
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repository.tree import PACKAGES, ROOT, module_name, modules, pyproject, read

ALLOWED = {"models": {"numpy", "msgspec"}, "policy": {"numpy", "msgspec", "pydantic", "pydantic_core", "yaml"}}
"""What the inner packages may import beside the standard library and what is below them (ADR 0001)."""

PART_OF = {"pydantic-core": "pydantic", "psycopg-pool": "psycopg"}
"""Distributions that another one pins exactly and shows in its own interface, or that are an extra of it."""


def imports(module: Path) -> Iterator[str]:
    """Absolute dotted names that a module imports, also inside functions; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(ast.parse(read(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def third_party(module: Path) -> set[str]:
    tops = {name.split(".")[0] for name in imports(module)}
    return tops - sys.stdlib_module_names - set(PACKAGES)


@pytest.mark.parametrize("package", ALLOWED)
def test_inner_package_uses_only_what_it_may(package: str) -> None:
    strangers = {str(module): third_party(module) - ALLOWED[package] for module in modules(package)}
    assert {module: names for module, names in strangers.items() if names} == {}


def test_everything_imported_is_declared() -> None:
    project = pyproject()["project"]
    texts = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    declared = {str(canonicalize_name(Requirement(text).name)) for text in texts}
    declared |= {part for part, whole in PART_OF.items() if whole in declared}
    providers = importlib.metadata.packages_distributions()
    undeclared = {
        f"{module}: {name}"
        for module in modules(*PACKAGES)
        for name in third_party(module)
        if not declared.intersection(canonicalize_name(provider) for provider in providers.get(name, []))
    }
    assert undeclared == set()


def test_what_an_extra_brings_is_only_imported_where_it_is_asked_for() -> None:
    """Without the extra everything else works."""
    load = "import sys, click; from proxy.main import main; context = click.Context(main)"
    all_commands = "[main.get_command(context, each) for each in main.list_commands(context)]"
    code = f"{load}; {all_commands}; print(sorted({{'matplotlib'}} & sys.modules.keys()))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"


def test_no_module_imports_itself_in_a_circle() -> None:
    known = {module_name(module): module for module in modules(*PACKAGES)}
    graph = {name: {other for other in imports(module) if other in known} - {name} for name, module in known.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("circle of imports: " + " -> ".join(error.args[1]))


def test_packages_are_not_imported_by_tests_folder_names() -> None:
    """The product never needs its tests, benchmarks or scripts."""
    outside = {"tests", "benchmarks", "scripts"}
    assert [
        str(module) for module in modules(*PACKAGES) if outside & {name.split(".")[0] for name in imports(module)}
    ] == []
