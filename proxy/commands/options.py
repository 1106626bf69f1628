"""Options that several commands share, and how problems are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

from policy.loading import DocumentError
from proxy.configuration import GatewayDocument, load_gateway

USAGE = 2
DEFAULT_CONFIG = Path("/etc/alleyes/gateway.yaml")


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--config`, the path of gateway.yaml."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The gateway's configuration.",
    )(command)


def refuse(problems: Iterable[str]) -> NoReturn:
    """Print one line for each problem and end with exit code 2."""
    for problem in problems:
        click.echo(f"alleyes: {problem}", err=True)
    raise SystemExit(USAGE)


def configuration(path: Path) -> GatewayDocument:
    """Load gateway.yaml, or end with its problems."""
    try:
        return load_gateway(path)
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)
