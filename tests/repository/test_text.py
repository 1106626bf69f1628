"""What no committed file may contain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repository.tree import ROOT, files, read

BINARY = {".gz", ".png", ".svgz", ".ico", ".woff2"}
# Brackets keep the expressions from finding themselves.
MACHINE = re.compile(r"(?<![\w.$}])/(?:[w]ork|[r]oot|[h]ome|[U]sers)/|/tmp/[w]ork|/opt/[w]heels|/opt/[p]ypi")
INDEX = re.compile(
    r"[p]ypi\.org|[p]ythonhosted\.org|--(?:extra-)?index-[u]rl\b|--find-[l]inks|[P]IP_(?:INDEX|FIND|EXTRA)"
)
OPEN_WORK = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX|[H]ACK)\b(?!\(#\d+\))")
KEY = re.compile(r"-----[B]EGIN [A-Z ]*PRIVATE KEY-----")


def texts() -> list[Path]:
    return [path for path in files() if path.suffix not in BINARY]


def lines_matching(pattern: re.Pattern[str], *, leave_out: frozenset[str] = frozenset()) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in texts()
        if str(path) not in leave_out
        for number, line in enumerate(read(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_path_of_a_machine() -> None:
    assert lines_matching(MACHINE) == []


def test_no_package_index() -> None:
    assert lines_matching(INDEX) == []


def test_every_open_end_names_its_issue() -> None:
    assert lines_matching(OPEN_WORK, leave_out=frozenset({"pyproject.toml"})) == []


def test_no_private_key() -> None:
    assert lines_matching(KEY) == []


@pytest.mark.parametrize("path", texts(), ids=str)
def test_text_is_tidy(path: Path) -> None:
    data = (ROOT / path).read_bytes()
    assert b"\r" not in data or path.suffix in {".bin", ".raw"}, "line endings of another system"
    if path.name == "LICENSE":  # kept as it was published
        return
    assert not data or data.endswith(b"\n"), "the last line has no end"
    assert not data.endswith(b"\n\n"), "blank lines at the end"
    assert [n for n, line in enumerate(data.split(b"\n"), start=1) if line.endswith((b" ", b"\t"))] == []
