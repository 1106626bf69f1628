"""Descriptions come from files and from the access point itself, and from nowhere else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from proxy.configuration import AccessPoint, ThingsDecoder, load_gateway
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.things import ThingsError
from proxy.mappings import each_once, find_mappings
from proxy.revocation import RevocationsInForce
from proxy.thing_sources import given_things, place_of, trust_of, urls_of
from tests.proxy.parts import plain_point, plain_settings, write_settings

LAMP = {"title": "Lamp", "properties": {"on": {"type": "boolean", "forms": [{"href": "/on"}]}}}


def point(directory: Path, *things: str) -> AccessPoint:
    points = [plain_point(agent="things", port=8080, decoder={"things": list(things)})]
    return load_gateway(write_settings(directory, plain_settings(access_points=points))).access_points[0]


def test_files_are_read_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "lamp.td.json").write_text(json.dumps(LAMP))
    given = given_things(point(tmp_path, "lamp.td.json"))
    assert given is not None
    assert [each.service for each in given.things] == ["lamp"]


def test_with_urls_files_alone_are_not_all(tmp_path: Path) -> None:
    (tmp_path / "lamp.td.json").write_text(json.dumps(LAMP))
    assert given_things(point(tmp_path, "lamp.td.json", "http://10.77.2.11:8080/")) is None


@pytest.mark.parametrize(
    "url", ["http://10.77.2.12:8080/", "http://10.77.2.11/", "https://10.77.2.11:8080/", "http://[/"]
)
def test_nothing_is_fetched_from_elsewhere(tmp_path: Path, url: str) -> None:
    with pytest.raises(ThingsError, match="is not at the access point"):
        urls_of(point(tmp_path, url))


def test_what_is_wrong_with_files_is_told_with_the_rest_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for name, reason in (("broken.json", "not JSON"), ("missing.json", "No such file")):
        point(tmp_path, name)
        (problem,) = each_once(find_mappings(load_gateway(tmp_path / "gateway.yaml")).problems)
        assert re.search(rf"{name}: .*{reason}", problem)


def test_the_place_is_that_of_the_configuration(tmp_path: Path) -> None:
    assert place_of(point(tmp_path, "x")) == Place("http", frozenset({"10.77.2.11"}), 8080)


def test_an_access_point_by_https_is_there_by_its_name_too() -> None:
    side = {"ca": "ca.pem", "name": "lamp.house"}
    settings = plain_point(agent="things", tls="server", decoder={"things": ["https://lamp.house/"]})
    point = AccessPoint.model_validate(settings | {"port": 443, "towards_access_point": side})
    assert place_of(point) == Place("https", frozenset({"10.77.2.11", "lamp.house"}), 443)
    assert urls_of(point) == ["https://lamp.house/"]
    trust = trust_of(point, RevocationsInForce())
    assert trust is not None
    assert (trust.address, trust.side.name) == ("10.77.2.11", "lamp.house"), "no name is looked up"
    elsewhere = point.model_copy(update={"decoder": ThingsDecoder(things=["https://door.house/"])})
    with pytest.raises(ThingsError, match="is not at the access point"):
        urls_of(elsewhere)
    assert trust_of(AccessPoint.model_validate(plain_point()), RevocationsInForce()) is None
