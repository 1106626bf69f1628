"""What an operator hears of a request, or of the examples of a mapping."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.main import main
from tests.proxy.decoders.rest.making import LAMPS

PUT = 'PUT /api/s3cret/lamps/3/state HTTP/1.1\nContent-Type: application/json\n\n{"on": true}\n'
EXAMPLES = """\
- request: {method: GET, target: /api/u/lamps/3}
  accesses: [{operation: get, destination: /hue/lamp-3, type: /lamps/lamp}]
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "lamps.yaml"
    path.write_text(LAMPS)
    return path


def asked(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["decoder", "test", *map(str, arguments)])


def written(directory: Path, text: str) -> Path:
    path = directory / "given"
    path.write_text(text)
    return path


def test_what_a_request_becomes_is_told_without_its_credential(mapping: Path, tmp_path: Path) -> None:
    answer = asked(mapping, written(tmp_path, PUT), "--agent", "hue")
    assert answer.exit_code == 0, answer.output
    assert answer.output.splitlines() == [
        "request: PUT /api/<token>/lamps/3/state",
        "route: set a lamp",
        "credential: one that may name the caller",
        "access 1: set /hue/lamp-3/state/on",
        "  service: /hue/lamp-3",
        "  type: /lamps/lamp",
        "  data type: /basic/boolean",
        "  value: true",
        "sent on: PUT /api/<token>/lamps/3/state",
        "  host: 192.0.2.2:80",
        "  content-type: application/json",
        "  content-length: 11",
        '  body: {"on":true}',
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "true",
            'true, "x": 1',
            ["refused: unknown-node, in enforce; learn and monitor send it on", "add a route, a member"],
        ),
        ("{", '{"on": false, ', ["refused: ambiguous-body, in every mode", "what to do: let the client send strict"]),
        ("/3/", "/../", ["refused: ambiguous-target, in every mode", "route: none of the mapping"]),
        ("HTTP/1.1", "HTTP/1.0", ["refused: http-version, in every mode"]),
    ],
)
def test_a_refusal_is_told_with_its_remedy(mapping: Path, tmp_path: Path, old: str, new: str, lines: list[str]) -> None:
    answer = asked(mapping, written(tmp_path, PUT.replace(old, new, 1)))
    assert answer.exit_code == 1
    assert all(line in answer.output for line in lines), answer.output
    assert "s3cret" not in answer.output


def test_examples_are_compared(mapping: Path, tmp_path: Path) -> None:
    answer = asked(mapping, "--examples", written(tmp_path, EXAMPLES))
    assert (answer.exit_code, answer.output.startswith("ok ")) == (0, True)
    answer = asked(mapping, "--examples", written(tmp_path, EXAMPLES.replace("lamp-3", "lamp-4")))
    assert answer.exit_code == 1
    assert "FAILED example 1, GET /api/<token>/lamps/3: access 1: expected get /hue/lamp-4" in answer.output


def test_wrong_files_are_told_with_their_line(mapping: Path, tmp_path: Path) -> None:
    answer = asked(written(tmp_path, LAMPS.replace("method: PUT", "method: PUSH")), "--examples", mapping)
    assert answer.exit_code == 2
    assert "given:5: routes[0].method" in answer.output
    assert asked(mapping).exit_code == 2
    assert asked(mapping, tmp_path / "nothing").exit_code == 2


def test_without_a_request_the_examples_beside_the_mapping_are_compared(mapping: Path, tmp_path: Path) -> None:
    missing = asked(mapping)
    assert (missing.exit_code, "has no lamps.examples.yaml beside it" in missing.output) == (2, True)
    (tmp_path / "lamps.examples.yaml").write_text(EXAMPLES)
    assert asked(mapping).output.startswith(f"ok {tmp_path}/lamps.examples.yaml: 1 examples")
    gone = asked(tmp_path / "none.yaml")
    assert (gone.exit_code, "none.yaml: does not exist" in gone.output) == (2, True)
