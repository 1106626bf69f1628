"""`alleyes models export` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.paper.analyzer import PaperAnalyzer
from proxy.main import main
from proxy.storage.model_store import CURRENT, ModelStore
from tests.models.accesses import MINUTE, START, access, teach
from tests.proxy.mud import yang
from tests.proxy.mud.learnt import house
from tests.proxy.parts import plain_settings, write_settings

URL = "https://building.example/mud"


def run(*arguments: str | Path, url: str = URL) -> Result:
    return CliRunner().invoke(main, ["models", "export", "--format", "mud", "--url", url, *map(str, arguments)])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    ModelStore(tmp_path).save(house().dump())
    return tmp_path


def test_one_type_goes_to_the_output_and_is_valid(stored: Path) -> None:
    answer = run(stored / CURRENT, "--type", "/light")
    assert answer.exit_code == 0, answer.output
    described = json.loads(answer.stdout)
    yang.check(described)
    assert described["ietf-mud:mud"]["mud-url"] == f"{URL}/light.json"
    assert "1 relationships of /light are left out" in answer.stderr


def test_the_configured_gateway_gives_models_and_ports(stored: Path, tmp_path: Path) -> None:
    config = write_settings(tmp_path, plain_settings(state_directory=str(stored)), "mode: learn\n")
    answer = run("--config", config, "--output", tmp_path / "mud")
    assert answer.exit_code == 0, answer.output
    assert sorted(each.name for each in (tmp_path / "mud").iterdir()) == ["light.json", "panel.json"]
    light = json.loads((tmp_path / "mud/light.json").read_text())
    yang.check(light)
    ports = {
        ace["matches"]["tcp"]["destination-port"]["port"]
        for acl in light["ietf-access-control-list:acls"]["acl"]
        for ace in acl["aces"]["ace"]
        if "destination-port" in ace["matches"]["tcp"]
    }
    assert ports == {point["port"] for point in plain_settings()["access_points"]}


def test_several_types_need_a_directory(stored: Path) -> None:
    answer = run(stored / CURRENT)
    assert answer.exit_code == 2
    assert "--output DIRECTORY" in answer.stderr


def test_what_there_is_not_is_told(stored: Path, tmp_path: Path) -> None:
    assert "there are: /light, /panel" in run(stored / CURRENT, "--type", "/fridge").stderr
    paper = tmp_path / "paper.bin"
    paper.write_bytes(PaperAnalyzer().dump())
    assert "give models.bin" in run(paper).stderr
    assert "write it like https://" in run(stored / CURRENT, url="http://x").stderr


def test_what_is_exported_can_be_imported_as_a_prior(stored: Path, tmp_path: Path) -> None:
    file = tmp_path / "light.json"
    file.write_text(run(stored / CURRENT, "--type", "/light").stdout)
    answer = CliRunner().invoke(main, ["policy", "import", "mud", str(file), "--type", "/light"])
    assert answer.exit_code == 0, answer.output
    policy = tmp_path / "policy.yaml"
    policy.write_text(answer.stdout)
    checked = CliRunner().invoke(main, ["policy", "check", str(policy)])
    assert checked.exit_code == 0, checked.output
    assert "2 rules" in checked.stdout


def test_inferred_types_are_exported_only_by_their_name(tmp_path: Path) -> None:
    analyzer = house()
    for minute in range(30):
        time = START + (121 + minute) * MINUTE
        teach(analyzer, access(time, source="/agent1/cam1", source_type="/inferred/camera"))
    analyzer.advance(START + 160 * MINUTE)
    ModelStore(tmp_path).save(analyzer.dump())
    answer = run(tmp_path / CURRENT, "--output", tmp_path / "mud")
    assert answer.exit_code == 0, answer.output
    assert sorted(each.name for each in (tmp_path / "mud").iterdir()) == ["light.json", "panel.json"]
    assert "left out, as nobody confirmed them: /inferred/camera" in answer.stderr
    named = run(tmp_path / CURRENT, "--type", "/inferred/camera")
    assert named.exit_code == 0, named.output
    assert "/inferred/camera was inferred: nobody confirmed" in named.stderr
