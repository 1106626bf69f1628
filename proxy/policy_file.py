"""The policy on disk: read with its revision; a reload builds the new one first and changes nothing if it is broken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from policy.document import PolicyDocument
from policy.loading import check_document, read_text

_REVISION_LENGTH = 12


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy and the revision that audit records name it by."""

    document: PolicyDocument
    revision: str
    """First 12 hex digits of the SHA-256 of the file's bytes."""


def load_policy(path: Path) -> LoadedPolicy:
    """Load `policy.yaml`.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    text = read_text(path)
    document = check_document(text, path, PolicyDocument)
    return LoadedPolicy(document, hashlib.sha256(text.encode()).hexdigest()[:_REVISION_LENGTH])
