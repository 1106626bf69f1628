"""Shows a running site in the terminal: one readable line for each verdict that is interesting."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

type Record = dict[str, Any]

QUIET_SECONDS = 2.0
COLOURS = {"block": "\033[33m", "quarantine": "\033[31m", "note": "\033[36m", "good": "\033[32m"}
RESET = "\033[0m"
WIDTH = 120


def coloured(text: str, colour: str) -> str:
    """Return the text in a colour where a terminal shows it."""
    return f"{COLOURS[colour]}{text}{RESET}" if sys.stdout.isatty() else text


class AuditTail:
    """Follows the audit log of a running gateway: the chains of all its processes."""

    def __init__(self, directory: Path) -> None:
        """Begin at the start of the journals, which need not exist yet."""
        self._directory = directory
        self._offsets: Counter[Path] = Counter()

    def new_records(self) -> list[Record]:
        """Return the whole records written since the last call, oldest first."""
        found: list[Record] = []
        for journal in self._directory.glob("**/journal.jsonl"):
            with journal.open("rb") as file:
                file.seek(self._offsets[journal])
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._offsets[journal] += len(whole)
            found += [json.loads(line) for line in whole.splitlines() if line]
        return sorted(found, key=lambda record: str(record["time"]))


class LiveView:
    """Counts all verdicts and prints the interesting ones."""

    def __init__(
        self,
        tail: AuditTail,
        *,
        name: str = "",
        began: float | None = None,
        quiet: float = QUIET_SECONDS,
        show: Callable[[str], None] = print,
    ) -> None:
        """Watch one gateway.

        Args:
            tail: its audit log.
            name: of the site, where several are watched.
            began: reading of the monotonic clock from which time is told; None: now.
            quiet: verdicts on one sender for one reason within so many seconds after a shown one are only counted.
            show: prints.
        """
        self._tail = tail
        self._name = f"{name}  " if name else ""
        self._quiet = quiet
        self._show = show
        self._shown: dict[tuple[str, str], float] = {}
        self._hidden: Counter[tuple[str, str]] = Counter()
        self._began = time.monotonic() if began is None else began
        self.verdicts = 0
        self.would_be_refused = 0
        self.quarantines: list[Record] = []
        self.strengths: defaultdict[str, set[str]] = defaultdict(set)
        """How each sender was known, by its address."""
        self.enforced: dict[str, datetime] = {}
        """When each service type that was left to its readiness came to be enforced, in real time."""
        self.enforcing = False
        self.attackers: set[str] = set()
        """Senders that are under somebody's control by now; whoever else is refused is refused wrongly."""

    def say(self, text: str, colour: str | None = None) -> None:
        """Print a line with the time since the start."""
        head = f"{time.monotonic() - self._began:6.1f}s  {self._name}"
        width = shutil.get_terminal_size(fallback=(WIDTH, 0)).columns
        for line in textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * len(head)):
            self._show(coloured(line, colour) if colour else line)

    def update(self) -> None:
        """Take in what has been recorded."""
        for record in self._tail.new_records():
            self._take(record)

    def _take(self, record: Record) -> None:
        match record["kind"]:
            case "verdict":
                self.verdicts += 1
                self.strengths[record["sender"]["address"]].add(record["sender"]["strength"])
                if record["would_be"] != "forward":
                    self.would_be_refused += 1
                    if self.enforcing:
                        self._refused(record)
            case "quarantine-added":
                self.quarantines.append(record)
                self.say(record["sentence"], "quarantine")
            case "readiness":
                self.enforced[record["details"]["service_type"]] = datetime.fromisoformat(record["time"])
                self.say(record["sentence"], "note")
            case "policy-reload" | "tls-refusal" | "broken":
                self.say(record["sentence"], "note")

    def _refused(self, record: Record) -> None:
        key = (record["sender"]["address"], record["reason"])
        now = time.monotonic()
        if now - self._shown.get(key, -self._quiet) < self._quiet:
            self._hidden[key] += 1
            return
        more = self._hidden.pop(key, 0)
        self._shown[key] = now
        suffix = f"  (and {more} more like it)" if more else ""
        head = "" if key[0] in self.attackers else "A legitimate call! "
        self.say(head + record["sentence"] + suffix, record["action"] if record["action"] in COLOURS else "block")
