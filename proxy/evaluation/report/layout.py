"""What the pages of all reports have in common: tables, pictures and the environment of their templates."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.tabulation import shown

NOTHING = "–"
REMEDY = "--report draws with matplotlib, which is not installed: install alleyes with its extra, alleyes[report]"


def can_draw() -> bool:
    """Whether the extra `report` is installed."""
    return importlib.util.find_spec("matplotlib") is not None


@dataclass(frozen=True)
class Picture:
    """A drawing."""

    file: str
    """Name of its file beside the page."""
    png: bytes
    text: str
    """What it shows, for those who cannot see it."""

    @property
    def uri(self) -> str:
        """The drawing itself, as it stands in the page."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Grid:
    """A table of texts. The first cell of each row is its head."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def environment() -> Environment:
    """Return what templates are rendered in."""
    # Labels and types come from an untrusted file: everything is escaped, whatever the template is called.
    found = Environment(
        loader=PackageLoader("proxy.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["shown"] = shown
    return found


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share of one as a percentage; a dash where there is none."""
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"
