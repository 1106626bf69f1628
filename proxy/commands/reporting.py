"""What commands that write a report have in common; apart, as most commands need no templates."""

from __future__ import annotations

import os
from pathlib import Path

from proxy.commands.options import refuse
from proxy.evaluation.report.layout import REMEDY, can_draw


def check_report(directory: Path) -> None:
    """End with what keeps a report from being written there, before the work and not after it; else make it."""
    if not can_draw():
        refuse([REMEDY])
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse([f"--report {directory}: {error.strerror or error}; give a directory that can be written"])
    if not os.access(directory, os.W_OK | os.X_OK):
        refuse([f"--report {directory}: cannot be written; give a directory that can"])
