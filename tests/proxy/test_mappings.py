"""Mappings are read with gateway.yaml, and every mistake in them is told at its place."""

from __future__ import annotations

from pathlib import Path

from proxy.configuration import MappingDecoder, load_gateway
from proxy.decoders.rest.mapping import MappingDocument
from proxy.mappings import each_once, find_mappings
from tests.proxy.parts import plain_point, plain_settings, write_settings

LAMP = """\
name: A lamp
source: https://example.org/
routes:
  - name: look
    method: GET
    path: /lamp/state
    service: lamp
    type: /lamp
    operation: get
    node: state
"""


def test_each_access_point_has_its_mapping_and_knowledge_agents_have_none(tmp_path: Path) -> None:
    (tmp_path / "decoders").mkdir()
    (tmp_path / "decoders" / "lamp.yaml").write_text(LAMP)
    points = [
        plain_point(),
        plain_point(agent="lamp", port=80, listen_port=9102, decoder={"mapping": "decoders/lamp.yaml"}),
    ]
    document = load_gateway(write_settings(tmp_path, plain_settings(access_points=points)))
    assert document.access_points[1].decoder == MappingDecoder(mapping=tmp_path / "decoders" / "lamp.yaml")
    mappings = find_mappings(document).usable
    assert list(mappings) == ["lamp"]
    assert [route.path for route in MappingDocument.model_validate_json(mappings["lamp"]).routes] == ["/lamp/state"]


def test_every_problem_is_told_with_file_line_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(LAMP.replace("operation: get", "operation: look"))
    points = [
        plain_point(agent=name, port=80 + n, listen_port=9102 + n, decoder={"mapping": f"{name}.yaml"})
        for n, name in enumerate(("one", "two"))
    ]
    document = load_gateway(write_settings(tmp_path, plain_settings(access_points=points)))
    first, second = each_once(find_mappings(document).problems)
    assert first.startswith(f'{tmp_path}/one.yaml:9: routes[0].operation: "look" is not one of the choices')
    assert second == f"{tmp_path}/two.yaml: does not exist -- create it or give another path"
