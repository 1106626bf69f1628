"""Drafts that commands write into files: never over what somebody has written."""

from __future__ import annotations

from pathlib import Path

from proxy.commands.options import refuse


def write_new(path: Path, text: str, *, otherwise: str = "") -> None:
    """Write a file that does not exist yet, or end with why it cannot be written.

    Args:
        path: Where.
        text: What.
        otherwise: What else helps where it exists already, beside giving another path.
    """
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        refuse([f"{path}: exists already -- give another path{otherwise}"])
    except OSError as error:
        refuse([f"{path}: {error.strerror} -- give a path that can be written to"])
