"""`alleyes models show` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.access import Operation
from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from models.exchange.shared import Others, Shared
from models.node import Node
from models.paper.analyzer import PaperAnalyzer
from proxy.main import main
from proxy.storage.model_store import CURRENT, PREVIOUS, ModelStore
from tests.models.accesses import MINUTE, START, access, teach
from tests.proxy.parts import plain_settings, write_settings


def run(*arguments: str | Path, columns: int = 100) -> Result:
    return CliRunner().invoke(main, ["models", "show", *map(str, arguments)], env={"COLUMNS": str(columns)})


def learnt[A: (Analyzer, PaperAnalyzer)](analyzer: A) -> A:
    """Half an hour of a light and of a switch."""
    for index in range(90):
        time = START + index * 20_000
        teach(analyzer, access(time, rooms=("hall", "hall")))
        teach(analyzer, access(time + 1, source="/agent1/switch1", source_type="/switch", operation=Operation.SET))
    analyzer.advance(START + 30 * MINUTE)
    return analyzer


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A state directory with models that were really stored."""
    ModelStore(tmp_path).save(learnt(Analyzer()).dump())
    return tmp_path


def gateway(state: Path, tmp_path: Path, policy: str = "mode: learn\n") -> Path:
    return write_settings(tmp_path, plain_settings(state_directory=str(state)), policy)


def test_every_type_is_shown_as_in_table_two(stored: Path) -> None:
    answer = run(stored / CURRENT)
    assert answer.exit_code == 0, answer.output
    light, switch = answer.stdout.split("\n\n/switch")
    assert light.startswith("/light: 30 instance-minutes\n")
    assert '  Periods "get"    [20 s]' in light
    assert "  Partner type     /movement (1.00)" in light
    assert '  Periods "set"    [20 s]' in switch


def test_one_type_is_enough(stored: Path) -> None:
    answer = run(stored / CURRENT, "--type", "/switch")
    assert answer.stdout.startswith("/switch: 30 instance-minutes")
    assert "/light:" not in answer.stdout


def test_numbers_for_programs(stored: Path) -> None:
    found: dict[str, Any] = json.loads(run(stored / CURRENT, "--type", "/light", "-o", "json").stdout)
    assert (found["file"], found["newest"]) == (str(stored / CURRENT), START + 30 * MINUTE)
    (light,) = found["models"]
    assert (light["service_type"], light["weight"]) == ("/light", 30)
    (column,) = light["columns"]
    assert (column["partner"], column["probability"], column["same_location"]) == ("/movement", 1.0, 1.0)
    assert [each["centre"] for each in column["rows"][0]["periods"]] == [20.0]


def test_models_of_the_paper_are_told_by_their_content(tmp_path: Path) -> None:
    file = tmp_path / "any.bin"
    file.write_bytes(learnt(PaperAnalyzer()).dump())
    answer = run(file)
    assert answer.exit_code == 0, answer.output
    assert "/light: 30 instance-minutes" in answer.stdout
    assert "[20 s]" in answer.stdout


def test_an_unknown_type_names_those_that_there_are(stored: Path) -> None:
    answer = run(stored / CURRENT, "--type", "/fridge")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "has no model of /fridge; there are: /light, /switch" in answer.stderr


def test_nothing_learnt_is_said(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(Analyzer().dump())
    answer = run(tmp_path / CURRENT)
    assert (answer.exit_code, answer.stdout) == (0, f"{tmp_path / CURRENT}: no models yet\n")


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    answer = run(tmp_path / CURRENT)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert f"{tmp_path / CURRENT}: No such file or directory; give models.bin" in answer.stderr


@pytest.mark.parametrize("damage", [b"", b"hello", b"alleyes models\n", b"alleyes models\n\x63" + bytes(40)])
def test_a_file_of_something_else_is_refused_with_one_line(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / CURRENT).write_bytes(damage)
    answer = run(tmp_path / CURRENT)
    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"alleyes: {tmp_path / CURRENT}: ")


def test_a_damaged_file_points_to_the_generation_before(stored: Path) -> None:
    data = bytearray((stored / CURRENT).read_bytes())
    data[len(data) // 2] ^= 1
    (stored / CURRENT).write_bytes(data)
    answer = run(stored / CURRENT)
    assert answer.exit_code == 2
    assert "checksum" in answer.stderr
    assert PREVIOUS in answer.stderr


def test_the_configured_gateway_is_looked_up(stored: Path, tmp_path: Path) -> None:
    answer = run("--config", gateway(stored, tmp_path))
    assert answer.exit_code == 0, answer.output
    assert "/light: 30 instance-minutes" in answer.stdout


def test_the_scoring_of_the_policy_says_whose_models(stored: Path, tmp_path: Path) -> None:
    answer = run("--config", gateway(stored, tmp_path, "scoring: paper\n"))
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "models.paper.bin does not exist" in answer.stderr


def test_a_gateway_that_stored_nothing_is_told_from_a_broken_one(tmp_path: Path) -> None:
    answer = run("--config", gateway(tmp_path / "state", tmp_path))
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "does not exist" in answer.stderr


def test_file_and_configuration_exclude_each_other(stored: Path) -> None:
    assert run(stored / CURRENT, "--config", "gateway.yaml").exit_code == 2


def test_names_from_the_network_cannot_move_the_cursor(tmp_path: Path) -> None:
    analyzer = Analyzer()
    teach(analyzer, *(access(START + n, source_type="/l\x1b[2J", destination_type="/m\x07") for n in (0, MINUTE)))
    (tmp_path / CURRENT).write_bytes(analyzer.dump())
    for arguments in ((), ("--type", "/none\x1b")):
        answer = run(tmp_path / CURRENT, *arguments)
        assert "\x1b" not in answer.output
        assert "\x07" not in answer.output


def test_how_much_others_told_is_shown(tmp_path: Path) -> None:
    node = Node(learnt(Analyzer()).dump())
    model = CommunicationModel(service_type="/light", weight=500)
    node.adopt("/light", Others(elsewhere=Shared(version="0", origins=3, supporters={}, model=model)))
    ModelStore(tmp_path).save(node.dump())
    answer = run(tmp_path / CURRENT)
    assert "/light: 530 instance-minutes (30 learnt here, 500 by 3 other sites)\n" in answer.stdout
    assert "\n/switch: 30 instance-minutes\n" in answer.stdout
    tables = json.loads(run(tmp_path / CURRENT, "-o", "json").stdout)["models"]
    assert [each["told"] for each in tables] == [{"site": 0, "elsewhere": 500, "sites": 3}, None]
