"""`docs/refusals.md` lists every reason for which a call is refused, and none that does not exist."""

from __future__ import annotations

import re

from policy.engine import LIFTABLE
from tests.repository.tree import ROOT

_CODES = re.compile(r'(?:ambiguous|unsupported|unclear|unreadable|BadTarget|BadMessage)\(\s*"([a-z0-9-]+)"')
_ENGINE = re.compile(r'^[A-Z_]+ = "([a-z-]+)"$', re.MULTILINE)
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
_OBEYS = re.compile(r"^\| `([a-z0-9-]+)` \|[^|]*\| obeys the mode", re.MULTILINE)
_LIFTED = re.compile(
    r"^A \[rule of the policy\].*?, and lifts\n(.*?)\. It lifts nothing else", re.DOTALL | re.MULTILINE
)
_QUOTED = re.compile(r"`([a-z0-9-]+)`")
_NEVER_LIFTED = {"anomalous", "refused-too-often", "denied-by-rule", "identity-conflict", "out-of-range"}
"""Reasons that obey the mode and that no rule lifts: scores, which it excuses, other rules, a key elsewhere, and
values that the mapping of the middleware excludes."""
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


def test_documented_as_lifted_by_rules_is_what_they_lift() -> None:
    text = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    lifted = _LIFTED.search(text)
    assert lifted is not None
    assert set(_QUOTED.findall(lifted[1])) - {"allowed-by-rule"} == LIFTABLE
    assert set(_OBEYS.findall(text)) == LIFTABLE | _NEVER_LIFTED
    configuration = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^- `allow` excuses.*?(?=^- )", configuration, re.DOTALL | re.MULTILINE)
    assert set(_QUOTED.findall(told)) >= LIFTABLE
