"""Every module has its test at the mirrored path, and every such test its module."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.repository.tree import PACKAGES, files, modules, read

WITHOUT_TEST = {
    "models/access.py": "plain data",
    "models/score.py": "plain data",
    "models/simulation/step.py": "plain data",
    "policy/verdict.py": "plain data",
    "proxy/control/messages.py": "plain data",
    "proxy/control/refusal.py": "plain data",
    "proxy/decoders/base.py": "plain data and the protocol of decoders",
    "proxy/drafting/draft.py": "plain data",
    "proxy/federation/client/ends.py": "protocols",
    "proxy/federation/client/state.py": "plain data",
    "proxy/http1/bad_message.py": "plain data",
    "proxy/http1/call.py": "plain data and protocols",
    "proxy/processes/messages.py": "plain data",
    "proxy/evaluation/subject.py": "plain data and protocols",
}
"""Modules that need no test of their own, each with its reason."""


def mirrored(module: Path) -> Path:
    return Path("tests") / module.parent / f"test_{module.name}"


def is_empty(module: Path) -> bool:
    """Whether a module holds nothing but a docstring, imports and `__all__`."""
    return all(
        isinstance(statement, ast.Expr | ast.Import | ast.ImportFrom)
        or (isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__")
        for statement in ast.parse(read(module)).body
    )


def test_every_module_has_its_test() -> None:
    wanted = [module for module in modules(*PACKAGES) if not is_empty(module) and str(module) not in WITHOUT_TEST]
    assert wanted
    assert [f"{mirrored(module)} is missing" for module in wanted if mirrored(module) not in files()] == []


def test_exceptions_are_still_needed() -> None:
    for name in WITHOUT_TEST:
        assert Path(name) in files(), f"{name} is listed as an exception, but does not exist"
        assert mirrored(Path(name)) not in files(), f"{name} has a test now: take it off the list"


def test_every_mirrored_test_has_its_module() -> None:
    expected = {mirrored(module) for module in modules(*PACKAGES)}
    found = {
        path
        for path in modules("tests")
        if len(path.parts) > 2 and path.parts[1] in PACKAGES and path.name.startswith("test_")
    }
    assert sorted(map(str, found - expected)) == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in modules("tests")}
    assert [str(folder) for folder in sorted(folders) if folder / "__init__.py" not in files()] == []
