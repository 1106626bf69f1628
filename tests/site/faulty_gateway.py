"""The gateway with one part after the other that raises, to see that what breaks never forwards."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from models.analyzer import Analyzer
from proxy.audit.trail import AuditTrail
from proxy.commands.options import configuration
from proxy.commands.run import serve
from proxy.connections import Connection
from proxy.decoders.vsl import VslDecoder
from proxy.hooks import Hooks
from proxy.http1 import serialiser
from proxy.http1.layer import Http1Layer
from proxy.judging import ConnectionJudge
from proxy.worker.process import add_arguments, run

PARTS: dict[str, tuple[object, str]] = {
    "decoder": (VslDecoder, "decode"),
    "scoring": (Analyzer, "score"),
    "audit": (AuditTrail, "record"),
    "sender": (Connection, "sender"),
    "judge": (ConnectionJudge, "judge"),
    "layer": (Http1Layer, "_dispatch"),
    "serialiser": (serialiser, "request"),
}
HOOKS = tuple(sorted(name for name in vars(Hooks) if not name.startswith("_")))


class InjectedFault(Exception):
    """Raised on purpose."""


class Faults:
    """Which part raises at the moment, in a file that the test writes; none where there is no such file."""

    def __init__(self, file: Path) -> None:
        """Take the name of the part from a file."""
        self._file = file

    def put_in(self, name: str | None) -> None:
        """Let a part raise from now on; None: no part."""
        self._file.write_text(name or "", encoding="ascii")

    def broken(self, name: str, part: Callable[..., Any]) -> Callable[..., Any]:
        """Return a part that raises whenever it is its turn."""

        @functools.wraps(part)
        def perhaps(*arguments: Any, **options: Any) -> Any:
            if self._file.read_text(encoding="ascii") == name:
                raise InjectedFault(name)
            return part(*arguments, **options)

        return perhaps


def main() -> None:
    """Run the gateway; what the file `--faults` names raises in its worker: a hook, or a part that a call passes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--faults", type=Path, required=True)
    if "--channel" in sys.argv:
        add_arguments(parser)
        arguments = parser.parse_args()
        faults = Faults(arguments.faults)
        with contextlib.ExitStack() as patched:
            for fault, (owner, name) in (PARTS | {hook: (Hooks, hook) for hook in HOOKS}).items():
                broken = faults.broken(fault, getattr(owner, name))
                patched.enter_context(mock.patch.object(owner, name, broken))
            run(arguments)
        return
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args()
    serve(
        configuration(arguments.config),
        (sys.executable, "-m", "tests.site.faulty_gateway", "--faults", str(arguments.faults)),
    )


if __name__ == "__main__":
    main()
