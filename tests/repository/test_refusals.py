"""`docs/refusals.md` lists every reason for which a call is refused, and none that does not exist."""

from __future__ import annotations

import re

from tests.repository.tree import ROOT

_CODES = re.compile(r'(?:ambiguous|unsupported|BadTarget|BadMessage)\(\s*"([a-z0-9-]+)"')
_ENGINE = re.compile(r'^[A-Z_]+ = "([a-z-]+)"$', re.MULTILINE)
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
_NO_REFUSALS = {"normal", "allowed-by-rule", "bad-answer"}
"""A verdict that is none, and what an access point does."""


def test_documented_reasons_are_the_ones_in_the_code() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "proxy").rglob("*.py")]
    used = {code for source in sources for code in _CODES.findall(source)}
    used |= set(_ENGINE.findall((ROOT / "policy" / "engine.py").read_text(encoding="utf-8")))
    used -= _NO_REFUSALS
    documented = set(_ROW.findall((ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")))
    assert used
    assert used == documented
