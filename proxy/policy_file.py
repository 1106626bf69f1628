"""The policy on disk: read with its revision; a reload builds the new one first and changes nothing if it is broken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from policy.document import PolicyDocument, Scoring
from policy.loading import DocumentError, Problem, check_document, read_text

_REVISION_LENGTH = 12


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy and the revision that audit records name it by."""

    document: PolicyDocument
    revision: str
    """First 12 hex digits of the SHA-256 of the file's bytes."""
    text: str
    instead_of: tuple[str, ...] = ()
    """What is wrong with `policy.yaml`, one line each, where this is the last good one in its place."""


def load_policy(path: Path) -> LoadedPolicy:
    """Load `policy.yaml`.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    text = read_text(path)
    document = check_document(text, path, PolicyDocument)
    return LoadedPolicy(document, hashlib.sha256(text.encode()).hexdigest()[:_REVISION_LENGTH], text)


def reload_policy(path: Path, in_force: Scoring) -> LoadedPolicy:
    """Load `policy.yaml` for a gateway that runs.

    Args:
        path: The file.
        in_force: The scoring that the gateway runs. Its models and all that it remembers belong to that scoring.

    Raises:
        DocumentError: with every problem of the file; also where it asks for another scoring.
    """
    policy = load_policy(path)
    wanted = policy.document.scoring
    if wanted is not in_force:
        raise DocumentError(
            [
                Problem(
                    file=path,
                    line=None,
                    column=None,
                    location="scoring",
                    message=f"the gateway runs with {in_force}, a change to {wanted} takes a restart",
                    remedy=f"restart the gateway, or write {in_force}",
                )
            ]
        )
    return policy
