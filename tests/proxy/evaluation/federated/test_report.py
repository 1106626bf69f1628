"""The report, as a browser would read it, and as a terminal shows it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("matplotlib", reason="needs the extra `report`")

from proxy.evaluation.federated.report import HEADINGS, in_words, render, write_report
from tests.proxy.evaluation.federated import canned
from tests.proxy.evaluation.report.test_page import Page


def test_a_page_and_its_pictures(tmp_path: Path) -> None:
    page = write_report(tmp_path / "report", canned.results())
    assert sorted(each.name for each in page.parent.iterdir()) == [
        *("convergence.png", "healing.png", "index.html", "poisoning.png", "updates.png")
    ]
    found = Page(page.read_text(encoding="utf-8"))
    images = [attributes for tag, attributes in found.tags if tag == "img"]
    assert len(images) == 4
    assert all(each["alt"] and str(each["src"]).startswith("data:image/png") for each in images)
    assert all("scope" in attributes for tag, attributes in found.tags if tag == "th")
    assert found.row(0, "/light$1") == ["1,500 (1,442 to never)", "2.5 (2.0 to 3.0)"]


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = Page(render(canned.results(), {}))
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    assert not [attributes for _, attributes in page.tags if "href" in attributes or "onclick" in attributes]


def test_only_what_was_simulated_is_told() -> None:
    results = msgspec.structs.replace(canned.results(), convergence=None, poisoning=None, updates=None)
    text = render(results, {})
    told = [heading for heading in HEADINGS.values() if heading in text]
    assert told == [HEADINGS[each] for each in HEADINGS if each.value in ("healing", "partition")]
    assert [line for line in in_words(results) if line in HEADINGS.values()] == told


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_report(tmp_path / "file" / "report", canned.results())
