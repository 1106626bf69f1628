"""What comes with alleyes for other middleware does what its examples say, and says where it is from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from proxy.decoders.rest.examples import decoder_for, differences, load_examples
from proxy.decoders.rest.loading import load_mapping

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "decoders"
EXAMPLES = SHIPPED / "examples"
MAPPINGS = sorted(SHIPPED.glob("*.yaml"))
FEWEST = 12

each_mapping = pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)


def test_the_middleware_that_is_promised_is_there() -> None:
    promised = {"home-assistant", "hue-v1", "openhab", "shelly-gen1", "shelly-gen2", "tasmota"}
    assert {path.stem for path in MAPPINGS} == promised == {path.stem for path in EXAMPLES.glob("*.yaml")}


@each_mapping
def test_examples_become_what_they_should(path: Path) -> None:
    examples = load_examples(EXAMPLES / path.name)
    assert list(differences(load_mapping(path), examples)) == []
    assert len(examples) >= FEWEST
    assert len(Counter(example.refusal for example in examples)) >= 3, "some are refused, for several reasons"


@each_mapping
def test_every_kind_of_route_is_reached_by_an_example(path: Path) -> None:
    """A kind is what is done to which type: a mapping that loses `/ota` must not stay green."""
    mapping = load_mapping(path)
    decoder = decoder_for(mapping)
    reached = {decoder.route_of(example.request.as_sent()) for example in load_examples(EXAMPLES / path.name)}
    kinds: dict[tuple[str, str], set[str]] = {}
    for route in mapping.routes:
        kinds.setdefault((route.operation, route.type), set()).add(route.name)
    assert [kind for kind, names in kinds.items() if reached.isdisjoint(names)] == []


@each_mapping
def test_names_of_routes_tell_them_apart(path: Path) -> None:
    names = Counter(route.name for route in load_mapping(path).routes)
    assert [name for name, times in names.items() if times > 1] == []


@each_mapping
def test_source_and_gaps_are_told(path: Path) -> None:
    assert load_mapping(path).source.startswith("https://")
    document = (ROOT / "docs" / "middleware.md").read_text()
    assert f"`config/decoders/{path.name}`, from " in document


@pytest.mark.parametrize(
    ("mapping", "types"),
    [
        ("hue-v1", ["/hue/users", "/hue/link-button", "/hue/firmware", "/hue/search", "/hue/all-lights"]),
        ("shelly-gen1", ["/shelly/firmware", "/shelly/restart", "/shelly/mode", "/shelly/listener"]),
        (
            "shelly-gen2",
            [
                *("/shelly/firmware", "/shelly/reset", "/shelly/restart", "/shelly/login", "/shelly/network"),
                *("/shelly/code", "/shelly/scripts", "/shelly/webhooks", "/shelly/schedules", "/shelly/calls"),
                "/shelly/configuration/{component}",
            ],
        ),
        ("tasmota", ["/tasmota/restart", "/tasmota/all-outputs"]),
        (
            "home-assistant",
            [
                *("/ha/template", "/ha/fired-events", "/ha/states", "/ha/webhooks", "/ha/system/{system}"),
                *("/ha/system/script", "/ha/system/automation", "/ha/system/mqtt", "/ha/system/conversation"),
            ],
        ),
        ("openhab", ["/openhab/rule-code", "/openhab/addon-code", "/openhab/transformation-code", "/openhab/firmware"]),
    ],
)
def test_what_is_dangerous_shares_its_type_with_nothing_usual(mapping: str, types: list[str]) -> None:
    """A model that has seen somebody use a device must not take their reprogramming it for the same."""
    routes = load_mapping(SHIPPED / f"{mapping}.yaml").routes
    usual = {"/hue/light", "/hue/bridge", "/shelly/device", "/shelly/{component}", "/openhab/item", "/ha/{domain}"}
    assert set(types) <= {route.type for route in routes if route.operation != "get"}
    assert usual.isdisjoint(types)
    assert usual & {route.type for route in routes} or mapping == "tasmota"
