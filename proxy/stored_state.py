"""What the state directory holds, looked at without touching it: would a gateway that starts now go on with it?

Opening the state, as a start does, makes files, takes the journal's lock and writes recovery records. None of that may
happen in a check, least of all beside a gateway that runs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from policy.document import Scoring
from proxy.audit import chained_file
from proxy.audit.layout import DIRECTORY as AUDIT_DIRECTORY
from proxy.audit.layout import chains
from proxy.storage import quarantine_store
from proxy.storage.model_store import ModelStore, ModelStoreError


@dataclass(frozen=True)
class Findings:
    """One line each, with the remedy."""

    problems: list[str]
    """The gateway would not start."""
    warnings: list[str]
    """It would, with less than was stored."""


def look(directory: Path, scoring: Scoring = Scoring.ALLEYES) -> Findings:
    """Return what is wrong with a state directory; one that is not there yet, but can be made, is fine.

    Args:
        directory: The state directory.
        scoring: Whose models would be read.
    """
    if directory_problem := _directory_problem(directory):
        return Findings([directory_problem], [])
    problems: list[str] = []
    warnings: list[str] = []
    try:
        if (warning := ModelStore(directory, scoring).load().warning) is not None:
            warnings.append(warning)
    except ModelStoreError as error:
        problems.append(str(error))
    try:
        quarantine_store.look(directory)
    except quarantine_store.QuarantineStoreError as error:
        problems.append(str(error))
    for chain in chains(directory / AUDIT_DIRECTORY):
        try:
            chained_file.look(chain)
        except chained_file.JournalError as error:
            problems.append(str(error))
    return Findings(problems, warnings)


def _directory_problem(directory: Path) -> str | None:
    remedy = "make it, or give another one in gateway.yaml"
    if os.path.lexists(directory):
        if not directory.is_dir():
            return f"state_directory {directory}: File exists; {remedy}"
        if not os.access(directory, os.W_OK | os.X_OK):
            return f"state_directory {directory}: is not writable; give it to the gateway's user"
        return None
    above = next(parent for parent in directory.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        return f"state_directory {directory}: Not a directory; {remedy}"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"state_directory {directory}: Permission denied; {remedy}"
    return None
