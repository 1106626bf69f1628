"""Names stay with the Things that had them first, whatever others say of themselves."""

from __future__ import annotations

import json

import pytest

from proxy.decoders.rest.thing_description import Source, Thing, read_source
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.thing_names import FORGOTTEN_SECONDS, Names, claimed, name_things, sighted
from proxy.thing_sighting import Sighting

PLACE = Place("http", frozenset({"10.77.2.11"}), 8080)
WEB = Source("http://10.77.2.11:8080/wot", b"", ("wot",))
FILE = Source("lamp.td.json", b"")


def thing(title: str = "Lamp", own: str = "", path: str = "/lamp/on") -> Thing:
    document = {"title": title, "id": own, "properties": {"on": {"forms": [{"href": path}]}}}
    (found,) = read_source(Source("x", json.dumps(document).encode()), PLACE).things
    return found


def names(*things: Thing, before: list[Sighting] | None = None, now: float = 0.0) -> Names:
    # Two at least, so that the document is not that of one Thing.
    return name_things([(WEB, each) for each in (*things, thing("Other", path="/other"))], before or [], now)


def called(found: Names) -> dict[str, str]:
    return {each.thing.interactions[0].form.written: each.service for each in found.named}


TRUE = thing(own="urn:lamp")
KNOWN = [sighted(each, claimed(each.thing, each.described_at)) for each in names(TRUE).named if each.service == "lamp"]


def test_files_come_first_and_then_the_order_of_documents() -> None:
    found = name_things([(WEB, thing(path="/a")), (FILE, thing(path="/b"))], KNOWN, 0.0)
    assert called(found) == {"/b": "lamp"}
    assert "claims the name or the id of 'Lamp' (lamp.td.json)" in found.refused[0]
    assert called(names(thing(path="/a", own="urn:1"), thing(path="/b", own="urn:2")))["/a"] == "lamp"


@pytest.mark.parametrize(
    "other",
    [
        thing(path="/evil"),
        thing(own="urn:aaa", path="/evil"),
        thing(own="urn:lamp", path="/evil"),
        thing("Evil", own="urn:lamp", path="/lamp/on"),
        thing("Evil"),
    ],
)
def test_nobody_is_taken_for_one_that_is_there(other: Thing) -> None:
    found = names(other, TRUE, before=KNOWN)
    assert [each.thing for each in found.named if each.service == "lamp"] == [TRUE]


@pytest.mark.parametrize(
    "new",
    [
        thing("Kitchen lamp", own="urn:lamp"),
        thing(own="urn:uuid:new"),
        thing("Lamp", own="urn:lamp", path="/new/on"),
    ],
)
def test_a_thing_that_changes_in_part_keeps_its_name(new: Thing) -> None:
    assert next(iter(called(names(new, before=KNOWN)).values())) == "lamp"


def test_one_that_is_gone_keeps_its_name_for_a_month() -> None:
    thief = thing(path="/evil")
    gone = names(thief, before=KNOWN, now=1e9)
    assert "/evil" not in called(gone)
    assert "'Lamp', which is gone" in gone.refused[0]
    assert [each.gone for each in gone.gone] == [1e9]
    later = names(thief, before=list(gone.gone), now=1e9 + FORGOTTEN_SECONDS + 1)
    assert called(later)["/evil"] == "lamp"


def test_what_is_remembered_of_those_that_are_gone_is_bounded() -> None:
    many = [Sighting(f"s{n}", "", "t", (f"/{n}",), "", gone=float(n)) for n in range(2000)]
    found = names(before=many, now=2000.0)
    assert (len(found.gone), found.gone[0].service) == (1024, "s1999")
    wide = [Sighting(f"s{n}", "", "t", tuple(map(str, range(500))), "", gone=float(n)) for n in range(20)]
    assert len(names(before=wide, now=20.0).gone) == 16
