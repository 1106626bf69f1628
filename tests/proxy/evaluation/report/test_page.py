"""The page, as a browser would read it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec

from models.tabulation import TypeTable
from proxy.evaluation.report.compare import Run
from proxy.evaluation.report.layout import Picture, percent
from proxy.evaluation.report.page import Report, render

HOSTILE = '<script>alert("1")</script>&\'\x1b[2J'
PICTURES = {
    name: Picture(f"{name}.png", b"\x89PNG", f"what {name} shows") for name in ("decomposition", "roc", "errors")
}


class Page(HTMLParser):
    """Collects what matters of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self._cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def row(self, table: int, head: str) -> list[str]:
        (found,) = [row[1:] for row in self.tables[table] if row[0] == head]
        return found


def text_of(made: list[Run], **changes: object) -> str:
    report = Report("t.csv", [("rows that count", "650")], made, None, PICTURES)
    return render(replace(report, **changes))  # type: ignore[arg-type]


def test_ours_stands_beside_the_others_and_what_was_published(made: list[Run]) -> None:
    page = Page(text_of(made))
    assert page.tables[0][0] == [
        "", "alleyes", "the paper's formulas", "authors' rules", "frozen whitelist", "as published"
    ]  # fmt: skip
    detected = page.row(0, "detection rate")
    assert detected[0] == percent(made[0].figures.detection_rate)
    assert detected[-1] == "96.30 %"
    assert page.row(0, "false positive rate")[-1] == "0.200 %"
    assert page.row(0, "accuracy")[-1] == "99 %"
    assert page.row(0, "false positives")[-1] == "not published"


def test_classes_have_the_names_and_counts_of_the_paper(made: list[Run]) -> None:
    text = text_of(made)
    page = Page(text)
    assert page.row(1, "denial of service")[:2] == ["5,780", "100"]
    assert page.row(1, "malicious operation")[:3] == ["805", "10", "100.00 % (10)"]
    assert page.row(1, "all")[:2] == ["10,027", "110"]
    assert "no detection rate of any" in text


def test_every_feature_has_a_row(made: list[Run]) -> None:
    page = Page(text_of(made))
    assert [row[0] for row in page.tables[2][1:]] == ["with all features", *(each.name for each in made[3:])]


def test_table_two_of_each_type_is_there(made: list[Run]) -> None:
    text = text_of(made)
    assert "/lightControler: " in text
    assert "Periods &#34;get&#34;" in text
    assert "[20 s]" in text


def test_nothing_is_loaded_and_nothing_runs(made: list[Run]) -> None:
    text = text_of(made)
    page = Page(text)
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "object", "embed", "form"}]
    sources = [attributes[name] for _, attributes in page.tags for name in ("src", "href") if name in attributes]
    assert sources
    assert all(source is not None and source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", text)
    policies = [each["content"] for tag, each in page.tags if tag == "meta" and "http-equiv" in each]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_what_the_trace_says_is_text(made: list[Run]) -> None:
    figures = msgspec.structs.replace(made[0].figures, classes={HOSTILE: next(iter(made[0].figures.classes.values()))})
    hostile = [
        replace(
            each,
            figures=figures,
            tables=[TypeTable(service_type=HOSTILE, weight=1, columns=list(made[0].tables[0].columns))],
        )
        if each.task.without is None
        else each
        for each in made
    ]
    picture = {"errors": Picture("errors.png", b"", f'"{HOSTILE}" onerror="alert(1)')}
    text = text_of(hostile, trace=HOSTILE, pictures=picture, conditions=[(HOSTILE, HOSTILE)])
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert "&lt;script&gt;" in text
    assert any("alert" in row[0] for row in page.tables[1])


def test_pictures_have_words_for_those_who_cannot_see_them(made: list[Run]) -> None:
    images = [attributes for tag, attributes in Page(text_of(made)).tags if tag == "img"]
    assert {each["alt"] for each in images} == {each.text for each in PICTURES.values()}


def test_tables_have_heads_that_a_screen_reader_can_use(made: list[Run]) -> None:
    page = Page(text_of(made))
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


def test_what_could_not_be_drawn_is_said(made: list[Run]) -> None:
    text = text_of(made, pictures={"errors": PICTURES["errors"]})
    assert "There is no curve" in text
    assert "no row of this service" in text


def test_the_template_is_shipped() -> None:
    from proxy.evaluation.report import page  # noqa: PLC0415

    assert (Path(page.__file__).parent / "templates" / "page.html").is_file()
