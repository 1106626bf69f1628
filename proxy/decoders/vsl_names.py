"""How names of the VSL are written, wherever they stand: in targets, bodies and messages."""

from __future__ import annotations

import re

UUID_PATTERN = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""Of a callback id, for patterns that have one in them; it has no group."""
UUID = re.compile(UUID_PATTERN)
DOT_SEGMENTS = frozenset({".", ".."})
"""Segments of a path that some readers resolve and others do not (RFC 3986, section 5.2.4)."""
