"""Guesses of services, types and nodes from paths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.drafting.naming import RESERVED, NamespaceError, Naming, doubts, interface, namespace, naming, singular, slug


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Philips Hue bridge API v1", "philips-hue-bridge"),
        ("openHAB REST API 8", "openhab"),
        ("The API", "device"),
        ("Überwachung der Großküche im Erdgeschoss", "berwachung-der-gro-k-che"),
    ],
)
def test_titles_become_short_names(title: str, expected: str) -> None:
    assert slug(title) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("lights", "light"), ("batteries", "battery"), ("switches", "switch"), ("status", "status"), ("bus", "bus"),
     ("boxes", "box"), ("access", "access"), ("item", "item"), ("alias", "alias")],
)  # fmt: skip
def test_plurals_become_one_of_them(word: str, expected: str) -> None:
    assert singular(word) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("api/lights/{light}/state", Naming("light-{light}", "/hue/light", "state", ("light",))),
        ("api/s/{kind}/{one}", Naming("s-{kind}-{one}", "/hue/s", "", ("kind", "one"))),
        ("api/config/", Naming("config", "/hue/config", "", ())),
        ("api/v1/scenes/{scene}/steps/{step}", Naming("scene-{scene}", "/hue/scene", "steps/{step}", ("scene",))),
        ("{anything}", Naming("hue-{anything}", "/hue/hue", "", ("anything",))),
        ("api/@ odd", Naming("odd", "/hue/odd", "", ())),
    ],
)  # fmt: skip
def test_paths_name_services(path: str, expected: Naming) -> None:
    assert naming("hue", path.split("/"), 0) == expected


@pytest.mark.parametrize(
    ("path", "commands", "expected"),
    [
        ("locks/{lock}/{word}", False, Naming("lock-{lock}", "/hue/lock", "{word}", ("lock",))),
        ("locks/{lock}/{word}/{door}", False, Naming("lock-{lock}", "/hue/lock", "{word}/{door}", ("lock",))),
        ("alarm/{word}", True, Naming("alarm", "/hue/alarm", "{word}", ())),
        ("rooms/{word}", False, Naming("room-{word}", "/hue/room", "", ("word",))),
        ("rooms/{word}/state", True, Naming("room-{word}", "/hue/room", "state", ("word",))),
    ],
)  # fmt: skip
def test_words_say_what_is_done_rather_than_to_which_service(path: str, commands: bool, expected: Naming) -> None:
    assert naming("hue", path.split("/"), 0, ("word",), commands=commands) == expected


def test_a_second_variable_of_a_service_is_asked_about() -> None:
    named = naming("hue", ["locks", "{lock}", "{action}"], 0)
    (doubt,) = doubts(named)
    assert doubt.startswith("action: taken for a part of which service it is. If it says what is done")
    assert doubts(named, ["action"]) == []


def test_what_all_paths_share_names_the_interface() -> None:
    paths = [each.split("/") for each in ("rest/v2/items/{item}", "rest/v2/things", "rest/v2/things/{thing}")]
    assert interface(paths) == 2
    assert interface([["pets"], ["pets", "{pet}"]]) == 0
    assert interface([["api", "pets"]]) == 1
    assert interface([]) == 0


def test_types_of_what_is_shipped_are_known() -> None:
    shipped = {
        word
        for file in Path("config/decoders").glob("*.yaml")
        for word in re.findall(r"^ *(?:- )?type: /([a-z0-9-]+)", file.read_text(), re.MULTILINE)
    }
    assert {"hue", "ha"} <= shipped <= RESERVED


def test_names_of_services_begin_like_none_that_is_reserved() -> None:
    assert naming("n", ["_all"], 0).service == "x_all"
    assert namespace("hue", "x") == "hue"
    with pytest.raises(NamespaceError, match="--name hue"):
        namespace(None, "hue")
