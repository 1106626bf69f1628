"""Examples say what a mapping is to make of requests, and every difference is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policy.loading import DocumentError
from proxy.decoders.rest.examples import differences, load_examples
from tests.proxy.decoders.rest.making import LAMPS, mapping_of
from tests.repository.tree import read

EXAMPLES = """\
- request: {method: PUT, target: /api/u/lamps/3/state, headers: {Content-Type: application/json}, body: '{"on":true}'}
  accesses:
    - {operation: set, destination: /hue/lamp-3, type: /lamps/lamp, node: state/on, data_type: /basic/boolean/state.on,
       value: "true"}
- request: {method: GET, target: /api/u/nothing}
  refusal: unknown-node
"""


def found(directory: Path, text: str) -> list[str]:
    path = directory / "examples.yaml"
    path.write_text(text)
    return list(differences(mapping_of(LAMPS), load_examples(path)))


def test_what_is_as_it_should_be_has_no_differences(tmp_path: Path) -> None:
    assert found(tmp_path, EXAMPLES) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'value: "true"',
            'value: "false"',
            "example 1, PUT /api/<token>/lamps/3/state: access 1: expected set /hue/lamp-3",
        ),
        (',\n       value: "true"', "", "access 1: expected set /hue/lamp-3/state/on (type"),
        (
            "  refusal: unknown-node",
            "  refusal: out-of-range",
            "example 2, GET /api/<token>/nothing: expected out-of-range",
        ),
    ],
)
def test_every_difference_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = found(tmp_path, EXAMPLES.replace(old, new))
    assert len(told) == 1
    assert said in told[0]


def test_an_access_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = found(tmp_path, EXAMPLES.replace('{"on":true}', '{"bri":7}'))
    assert len(told) == 1
    assert "got set /hue/lamp-3/state/bri = '7'" in told[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "must be a list"),
        ("- request: {method: GET, target: /}", ":1: [0]: expects nothing"),
        ("- request: {method: GET}\n  refusal: a", ":1: [0].request.target: is missing"),
        ("", "is empty"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=r"examples\.yaml") as refused:
        found(tmp_path, text)
    assert said in str(refused.value)


def test_the_documented_mapping_makes_of_the_documented_examples_what_they_say(tmp_path: Path) -> None:
    mapping, examples = re.findall(r"^```yaml\n(.*?)^```$", read("docs/mappings.md"), re.DOTALL | re.MULTILINE)
    path = tmp_path / "examples.yaml"
    path.write_text(examples)
    assert list(differences(mapping_of(mapping), load_examples(path))) == []
