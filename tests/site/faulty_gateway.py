"""The gateway with one part that raises, to see that what breaks never forwards."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
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


def _raising(name: str) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise InjectedFault(name)

    return fail


def main() -> None:
    """Run the gateway with `--fault` raising in its worker: a hook, or one of the parts that a call passes through."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--fault", choices=[*PARTS, *HOOKS], required=True)
    if "--channel" in sys.argv:
        add_arguments(parser)
        arguments = parser.parse_args()
        owner, name = PARTS.get(arguments.fault, (Hooks, arguments.fault))
        with mock.patch.object(owner, name, _raising(name)):
            run(arguments)
        return
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args()
    serve(
        configuration(arguments.config),
        (sys.executable, "-m", "tests.site.faulty_gateway", "--fault", arguments.fault),
    )


if __name__ == "__main__":
    main()
