"""Models as commands read them: from a file, or as the configured gateway stored them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from models.paper.codec import MAGIC as PAPER
from policy.loading import DocumentError
from proxy.commands.options import configuration, refuse
from proxy.policy_file import load_policy
from proxy.storage.model_store import CURRENT, AnyAnalyzer, ModelStore, ModelStoreError, file_name

_NOT_FOUND = 1


def read(file: Path) -> AnyAnalyzer:
    """Return the models of a file, or end with what is wrong with it."""
    try:
        data = file.read_bytes()
    except OSError as error:
        refuse([f"{file}: {error.strerror or error}; give models.bin of a gateway's state directory"])
    try:
        return PaperAnalyzer.load(data) if data.startswith(PAPER) else Analyzer.load(data)
    except ValueError as error:
        refuse([f"{file}: {error}; give another generation, such as models.previous.bin"])


def stored(config: Path) -> tuple[Path, AnyAnalyzer]:
    """Return the models that the configured gateway stored, and where, or end with why there are none."""
    gateway = configuration(config)
    try:
        scoring = load_policy(gateway.policy).document.scoring
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)
    place = gateway.state_directory / file_name(CURRENT, scoring)
    try:
        loaded = ModelStore(gateway.state_directory, scoring).load()
    except ModelStoreError as error:
        refuse([str(error)])
    if loaded.warning is not None:
        click.echo(f"alleyes: {loaded.warning}", err=True)
    if loaded.analyzer is None:
        missing(f"{place} does not exist: the gateway has stored no models yet, or as another user")
    return place, loaded.analyzer


def missing(problem: str) -> NoReturn:
    """Tell what there is not, and end with exit code 1."""
    click.echo(f"alleyes: {problem}", err=True)
    raise SystemExit(_NOT_FOUND)
