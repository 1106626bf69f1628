"""The commands that draft mappings, as an operator calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from policy.loading import load_document
from proxy.commands.decoder_test import test as try_out
from proxy.commands.drafting import import_group, learn_command
from proxy.decoders.rest.mapping import MappingDocument
from tests.proxy.decoders.rest.test_things import EXPOSED, PLACE
from tests.proxy.drafting.test_observed import record
from tests.proxy.drafting.test_specification import FEDERATION, HOUSE
from tests.proxy.drafting.test_web_of_things import LAMP

ZOO = HOUSE.with_name("zoo.json")


@pytest.mark.parametrize(("file", "routes"), [(FEDERATION, 12), (HOUSE, 6), (ZOO, 8)])
def test_what_is_drafted_from_openapi_can_be_loaded(file: Path, routes: int, tmp_path: Path) -> None:
    output = tmp_path / "draft.yaml"
    result = CliRunner().invoke(import_group, ["openapi", str(file), "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert len(load_document(output, MappingDocument).routes) == routes
    tested = CliRunner().invoke(try_out, [str(output)])
    assert tested.exit_code == 0, tested.output
    again = CliRunner().invoke(import_group, ["openapi", str(file), "-o", str(output)])
    assert again.exit_code == 2
    assert "exists already" in again.output


def test_what_is_no_description_ends_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_text("openapi: 3.1.0\npaths: {/a: {head: {}}}\n")
    result = CliRunner().invoke(import_group, ["openapi", str(file)])
    assert result.exit_code == 2
    assert "has no operation that a mapping could have" in result.output
    assert CliRunner().invoke(import_group, ["openapi", str(tmp_path / "none")]).exit_code == 2


HOSTILE: dict[str, Any] = {
    "/allof": {"put": {"requestBody": {"content": {"application/json": {"schema": {"allOf": 5, "oneOf": {"a": 1}}}}}}},
    "/bounds": {"get": {"parameters": [{"name": "n", "in": "query", "schema": {"type": "number", "minimum": 1e309}}]}},
    "/large": {"get": {"parameters": [{"name": "n", "in": "query", "schema": {"enum": [10**400, 1]}}]}},
    "/_all": {"get": {"parameters": [{"name": "key", "in": "query", "schema": {"type": "string"}}]}},
    "/_unknown/{x}": {"delete": {}},
}
SCHEMES = {
    name: {"type": "apiKey", "in": where, "name": called}
    for name, where, called in [("k", "query", "key"), ("t", "query", "turn"), ("h", "header", "Content-Type")]
}


def imported(tmp_path: Path, paths: dict[str, Any], *options: str, title: str = "Heating") -> Result:
    file = tmp_path / "api.json"
    components = {"securitySchemes": SCHEMES}
    info = {"title": title, "version": "1"}
    file.write_text(json.dumps({"openapi": "3.1.0", "info": info, "paths": paths, "components": components}))
    return CliRunner().invoke(import_group, ["openapi", str(file), *options])


def test_whatever_a_description_holds_its_draft_loads_and_says_what_was_left_out(tmp_path: Path) -> None:
    output = tmp_path / "draft.yaml"
    result = imported(tmp_path, HOSTILE, "-o", str(output))
    assert result.exit_code == 0, result.output
    mapping = load_document(output, MappingDocument)
    assert len(mapping.routes) == len(HOSTILE)
    assert [each.query for each in mapping.tokens] == ["key"]
    assert {each.service for each in mapping.routes} >= {"x_all", "x_unknown-{x}"}
    text = output.read_text()
    for told in (
        "its bounds in the document are too large for any",
        "# ? key: with any request, whatever it holds passes; is it nothing but a credential?",
        "# ? t: left out as a credential, as the parameter turn is not called like one",
        "# ? h: left out as a credential, as content-type: content-type cannot carry a credential",
    ):
        assert told in " ".join(text.replace("\n# ? ", " ").split()) or told in text, told


@pytest.mark.parametrize("title", ["HA", "Hue", "WoT", "Inferred"])
def test_types_of_others_are_taken_only_by_name(title: str, tmp_path: Path) -> None:
    paths: dict[str, Any] = {"/lights/{id}": {"get": {}}}
    refused = imported(tmp_path, paths, title=title)
    assert refused.exit_code == 2
    assert " -- give another --name" in refused.output
    assert imported(tmp_path, paths, "--name", "cellar", title=title).exit_code == 0
    meant = imported(tmp_path, paths, "--name", title.lower(), title=title)
    assert (meant.exit_code == 0) == (title != "Inferred")


def test_thing_descriptions_become_a_mapping_that_can_be_loaded(tmp_path: Path) -> None:
    file, output = tmp_path / "lamp.json", tmp_path / "lamp.yaml"
    file.write_text(json.dumps(LAMP))
    result = CliRunner().invoke(import_group, ["wot", str(file), "--at", "http://192.0.2.20", "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert load_document(output, MappingDocument).routes
    assert CliRunner().invoke(try_out, [str(output)]).output.startswith("ok ")
    refused = CliRunner().invoke(import_group, ["wot", str(file)])
    assert refused.exit_code == 2
    assert "give --at" in refused.output


def test_the_things_of_node_wot_have_examples_that_hold(tmp_path: Path) -> None:
    output = tmp_path / "things.yaml"
    result = CliRunner().invoke(
        import_group, ["wot", str(EXPOSED), "--at", f"http://{min(PLACE.hosts)}:{PLACE.port}", "-o", str(output)]
    )
    assert result.exit_code == 0, result.output
    tested = CliRunner().invoke(try_out, [str(output)])
    assert tested.exit_code == 0, tested.output
    text = (tmp_path / "things.examples.yaml").read_text()
    routes = len(load_document(output, MappingDocument).routes)
    assert (text.count("- request:"), text.count("refusal:")) == (routes, 0)


def test_examples_that_are_there_already_are_left_alone(tmp_path: Path) -> None:
    output, beside = tmp_path / "draft.yaml", tmp_path / "draft.examples.yaml"
    beside.write_text("mine\n")
    result = CliRunner().invoke(import_group, ["openapi", str(ZOO), "-o", str(output)])
    assert (result.exit_code, output.exists(), beside.read_text()) == (2, False, "mine\n")
    assert "would be the examples of" in result.output


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [
        record(f"{method} {path}", time=f"2026-11-26T{hour:02}:00:00.000Z", sender={"address": caller})
        for hour in (1, 2)
        for caller in ("/house/panel", "/house/phone")
        for method, path in [("GET", "/rpc/Shelly.GetStatus"), *(("GET", f"/relay/{n}?turn=on") for n in range(3))]
    ]
    lines.append(record("GET /wp-admin/x.php", sender={"address": "ip:192.0.2.66"}))
    lines.append(record("GET /relay/0?factory_reset", sender={"address": "ip:192.0.2.66"}))
    directory = tmp_path / "audit"
    directory.mkdir()
    texts = [json.dumps({"sequence": number, **each}) for number, each in enumerate(lines, start=1)]
    (directory / "journal.jsonl").write_text("".join(f"{text}\n" for text in texts))
    return directory


def test_templates_are_learnt_from_the_audit_log_and_confirmed_one_by_one(log: Path, tmp_path: Path) -> None:
    output = tmp_path / "learnt.yaml"
    options = ["--directory", str(log), "--name", "shelly", "-o", str(output)]
    result = CliRunner().invoke(learn_command, options, input="y\nn\n")
    assert result.exit_code == 0, result.output
    assert "GET /relay/{relay}\n  13 calls of 3 callers\n  {relay} number, 3 different: 0, 1, 2" in result.output
    assert "1 calls to 1 paths were seen too seldom to count; most by ip:192.0.2.66 (1)" in result.output
    assert "  parameters: turn (2 callers)\n  left out, as one caller sent it once: ?factory_reset" in result.output
    (route,) = load_document(output, MappingDocument).routes
    assert (route.path, route.type, route.operation) == ("/relay/{relay}", "/shelly/relay", "invoke")
    assert [*route.members] == ["?turn"]
    assert "# ? GET with turn: taken for a command" in output.read_text()
    assert CliRunner().invoke(try_out, [str(output)]).output.endswith("learnt.examples.yaml: 1 examples of shelly\n")


def test_all_is_taken_with_yes_and_nothing_without_calls(log: Path) -> None:
    taken = CliRunner().invoke(learn_command, ["--directory", str(log), "--yes"])
    assert taken.exit_code == 0
    assert taken.stdout.count("  - name: ") == 2
    nothing = CliRunner().invoke(learn_command, ["--directory", str(log), "--yes", "--agent", "elsewhere"])
    assert nothing.exit_code == 1
    assert "no calls that a template could be made of" in nothing.output
    refused = CliRunner().invoke(learn_command, ["--directory", str(log)], input="n\nn\n")
    assert refused.exit_code == 1
    other = CliRunner().invoke(learn_command, ["--directory", str(log), "--agent", "hue"])
    assert other.exit_code == 2
    assert "hue: its types would be /hue/..." in other.output


def test_one_call_of_a_caller_that_is_trusted_is_enough(log: Path) -> None:
    options = ["--directory", str(log), "--yes", "--trust", "ip:192.0.2.66"]
    taken = CliRunner().invoke(learn_command, options)
    assert "path: /wp-admin/x.php" in taken.stdout
    assert '"?factory_reset":' in taken.stdout
