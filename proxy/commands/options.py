"""Options that several commands share, and how problems are told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

from policy.loading import DocumentError
from proxy.configuration import GatewayDocument, load_gateway
from proxy.evaluation.report.layout import REMEDY, can_draw

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
