"""The scenarios of the published figures, from published.yaml: `python -m benchmarks.scenarios` names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from models.simulation.catalogue import SINGLE_UPDATE, expand
from models.simulation.scenario import START, Scenario, Simulation

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

    def updates(self, name: str) -> tuple[int, ...]:
        """Return the event times, ms, at which legitimate changes begin."""
        scenario = self.scenario(name, 0)
        half_way = scenario.hours * 1800
        begun = [] if scenario.update_at is None else [scenario.update_at]
        singles = (plan for plan in expand(scenario.attacks) if plan.name == SINGLE_UPDATE)
        begun += (half_way if plan.start is None else plan.start for plan in singles)
        return tuple(START + round(1000 * each) for each in begun)

    def asks(self, name: str) -> str:
        """Return the settings in short."""
        return ", ".join(map(_short, *zip(*self.scenarios[name].items(), strict=True)))


def _short(setting: str, value: Any) -> str:
    match setting, value:
        case "hours", _:
            return f"{value} h"
        case "attacks", _:
            return " and ".join(map(_attack, value))
        case "update_at", _:
            return f"update at {value / 3600:g} h"
        case "silent", (begin, end):
            return f"silent {begin}-{end} h"
        case _, True:
            return setting.replace("_", " ")
        case _:
            return f"{setting.replace('_', ' ')} {value}"


def _attack(attack: Any) -> str:
    return f"{attack['name']} in site {attack['site']}" if isinstance(attack, dict) else str(attack)


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
    published = load()
    for name in published.scenarios:
        print(f"{name:<24} {published.asks(name)}")


if __name__ == "__main__":
    main()
