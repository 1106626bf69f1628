"""The decision records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repository.tree import files, read

FOLDER = Path("docs/adr")
STATUS = re.compile(r"^(Proposed|Accepted|Rejected|Superseded by \[\d{4}\]\(\S+\)), \d{4}-\d{2}-\d{2}\.$")


def records() -> list[Path]:
    return [path for path in files() if path.parent == FOLDER and path.name != "README.md"]


def test_records_are_numbered_without_gaps() -> None:
    assert [path.name[:5] for path in records()] == [f"{number:04}-" for number in range(1, len(records()) + 1)]


def test_first_decisions_are_recorded() -> None:
    assert {"0001-package-names.md", "0002-deny-first.md", "0003-embedded-mitmproxy.md"} <= {p.name for p in records()}


@pytest.mark.parametrize("record", records(), ids=lambda path: path.name)
def test_record_has_its_parts(record: Path) -> None:
    text = read(record)
    assert text.startswith(f"# {record.name[:4]}: ")
    parts = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n?)*)", text, flags=re.MULTILINE))
    assert list(parts) == ["Status", "Context", "Decision", "Consequences"]
    assert all(len(body.strip()) > 0 for body in parts.values())
    assert STATUS.match(parts["Status"].strip()), f"unknown status: {parts['Status'].strip()}"


@pytest.mark.parametrize("record", records(), ids=lambda path: path.name)
def test_index_lists_the_record_with_title_and_status(record: Path) -> None:
    text = read(record)
    title = text.splitlines()[0].removeprefix(f"# {record.name[:4]}: ")
    status = text.split("## Status\n\n")[1].split(",")[0]
    rows = [line for line in read(FOLDER / "README.md").splitlines() if f"({record.name})" in line]
    assert len(rows) == 1
    assert "Superseded" in rows[0] if status.startswith("Superseded") else rows[0].endswith(f"| {status} |")
    assert len(title) > 10
