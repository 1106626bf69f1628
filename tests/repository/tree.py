"""The files of the repository, as the tests about it see them."""

from __future__ import annotations

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("proxy", "policy", "models")
NOT_OURS = {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root, sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        found = {Path(name) for name in listing.stdout.split("\0") if name}
    else:  # an unpacked archive, or a checkout of another user
        found = {path.relative_to(ROOT) for path in ROOT.rglob("*") if not NOT_OURS.intersection(path.parts)}
    return tuple(sorted(path for path in found if (ROOT / path).is_file() and path.suffix != ".pyc"))


def modules(*packages: str) -> list[Path]:
    """The Python files of the packages, relative to the root."""
    return [path for path in files() if path.suffix == ".py" and path.parts[0] in packages]


def module_name(path: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def pyproject() -> dict[str, Any]:
    """The content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read(path: str | Path) -> str:
    """The text of a file, named relative to the root."""
    return (ROOT / path).read_text(encoding="utf-8")
