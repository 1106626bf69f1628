"""The scenarios of the published figures, from published.yaml: `python -m benchmarks.scenarios` names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from models.simulation.scenario import Scenario, Simulation

FILE = Path(__file__).with_name("published.yaml")


class Seeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seeds of one purpose."""

    seeds: tuple[int, ...]


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    tuning: Seeds
    published: Seeds
    scenarios: Mapping[str, Mapping[str, Any]]
    """Name to settings of a scenario, without the seed."""

    def scenario(self, name: str, seed: int) -> Scenario:
        """Return a scenario with a seed; raise KeyError if there is none of this name."""
        return Scenario.of({**self.scenarios[name], "seed": seed})

    def simulation(self, name: str, seed: int) -> Simulation:
        """Return the same, set up: its rows, and which agents are one site."""
        return Simulation(self.scenario(name, seed))


def load(file: Path = FILE) -> Published:
    """Read the scenarios; raise ValueError where they make no sense."""
    published = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), Published)
    if set(published.tuning.seeds) & set(published.published.seeds):
        raise ValueError(f"{file}: a seed is for tuning or for publishing, not for both")
    for name in published.scenarios:
        published.scenario(name, 0)
    return published


def main() -> None:
    """Print every scenario with its settings."""
    for name, settings in load().scenarios.items():
        print(f"{name:<24} {settings}")


if __name__ == "__main__":
    main()
