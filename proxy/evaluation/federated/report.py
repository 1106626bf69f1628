"""The report of the simulation: its figures for the terminal, and as one page with its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from policy.document import PolicyDocument
from proxy.evaluation.federated import tables
from proxy.evaluation.federated.simulation import Part, Results
from proxy.evaluation.report.layout import Grid, Picture, environment

PAGE = "index.html"
HEADINGS: Mapping[Part, str] = {
    Part.CONVERGENCE: "How soon a new site is protected",
    Part.HEALING: "Whether a subverted site heals",
    Part.POISONING: "How many subverted sites make an attack normal",
    Part.PARTITION: "Whether faults leave a trace",
    Part.UPDATES: "How an update gets in, and what it all costs",
}
_CAPTIONS: Mapping[Part, str] = {
    Part.CONVERGENCE: "Minutes until each service type was enforced, alone and with others to learn from.",
    Part.HEALING: "AV of the attack over time. Shaded: the hour in which the subverted gateways learn it.",
    Part.POISONING: "Share of the sites that must be subverted, by attack, what they contribute and how it is summed.",
    Part.UPDATES: "Above, minutes until an update is refused no more; below, bytes of a day for each site.",
}


@dataclass(frozen=True)
class Section:
    """One part of the simulation."""

    heading: str
    grids: Sequence[Grid]
    picture: Picture | None = None


def in_words(results: Results) -> Iterator[str]:
    """Yield the report as lines of text."""
    for part, grids in _grids(results).items():
        yield HEADINGS[part]
        for grid in grids:
            yield ""
            yield from tables.lines(grid)
        yield ""


def write_report(directory: Path, results: Results) -> Path:
    """Write `index.html` and the PNGs beside it; the directory is made if it is not there.

    Returns:
        The page.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(results)
    for picture in pictures.values():
        (directory / picture.file).write_bytes(picture.png)
    page = directory / PAGE
    page.write_text(render(results, pictures), encoding="utf-8")
    return page


def render(results: Results, pictures: Mapping[Part, Picture]) -> str:
    """Return the page."""
    policy = PolicyDocument()
    asked = policy.readiness
    conditions = [
        ("seed", str(results.seed)),
        ("extent", results.extent.value),
        ("thresholds", f"as shipped: refused from AV {policy.thresholds.block:g} on"),
        (
            "readiness",
            f"as shipped: {asked.instance_minutes} instance-minutes, nothing new for {asked.quiet / 3600:g} h",
        ),
        ("took", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(results.seconds.items()))),
    ]
    sections = {
        part.value: Section(HEADINGS[part], grids, pictures.get(part)) for part, grids in _grids(results).items()
    }
    template = environment().get_template("federation.html")
    return template.render(results=results, conditions=conditions, sections=sections)


def _grids(results: Results) -> dict[Part, list[Grid]]:
    found: dict[Part, list[Grid]] = {}
    if results.convergence is not None:
        found[Part.CONVERGENCE] = tables.convergence(results.convergence)
    if results.healing is not None:
        found[Part.HEALING] = tables.healing(results.healing)
    if results.poisoning is not None:
        found[Part.POISONING] = tables.poisoning(results.poisoning)
    if results.partition is not None:
        found[Part.PARTITION] = tables.partition(results.partition)
    if results.updates is not None:
        found[Part.UPDATES] = tables.updates(results.updates)
    return found


def _pictures(results: Results) -> dict[Part, Picture]:
    from proxy.evaluation.federated import charts  # noqa: PLC0415 -- needs the extra, which nothing else here does

    drawn: dict[Part, bytes] = {}
    if results.convergence is not None:
        drawn[Part.CONVERGENCE] = charts.convergence(results.convergence)
    if results.healing is not None:
        drawn[Part.HEALING] = charts.healing(results.healing)
    if results.poisoning is not None:
        drawn[Part.POISONING] = charts.poisoning(results.poisoning)
    if results.updates is not None:
        drawn[Part.UPDATES] = charts.updates(results.updates)
    return {part: Picture(f"{part.value}.png", png, _CAPTIONS[part]) for part, png in drawn.items()}
