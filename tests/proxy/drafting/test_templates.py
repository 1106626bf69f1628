"""From paths that were called to templates, also where somebody calls random ones."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from proxy.drafting.templates import MOST_ALONE, MOST_PATHS, Kind, Parameter, Seen, Template, Vocabulary, kind_of

HOUR = 3600.0


def calls(method: str, *paths: str, callers: tuple[str, ...] = ("a", "b"), at: float = 0.0) -> Iterator[Seen]:
    for path in paths:
        for caller in callers:
            yield Seen(method=method, segments=tuple(path.split("/")[1:]), caller=caller, time=at)


def templates(*groups: Iterator[Seen]) -> dict[str, Template]:
    vocabulary = Vocabulary()
    for group in groups:
        for seen in group:
            vocabulary.add(seen)
    return {f"{each.method} {each.text}": each for each in vocabulary.templates()[0]}


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        ("12", Kind.NUMBER),
        ("7c9e6679-7425-40de-944b-e07fc1f90ae7", Kind.UUID),
        ("02:00:5e:00:53:01", Kind.MAC),
        ("00:17:88:01:00:bd:c7:b9-0b", Kind.MAC),
        ("a4cf12f45b", Kind.HEX),
        ("83b7780291a6ceffbe0bd049104df00x", Kind.OPAQUE),
        ("light.kitchen", Kind.NAME),
        ("lights", Kind.WORD),
        ("v2", Kind.WORD),
    ],
)
def test_segments_are_told_by_their_form(segment: str, kind: Kind) -> None:
    assert kind_of(segment) is kind


def test_identifiers_become_variables_named_after_what_stands_before_them() -> None:
    found = templates(
        calls("PUT", *(f"/api/lights/{n}/state" for n in range(1, 9))),
        calls("GET", "/api/lights", "/api/groups", *(f"/api/groups/{n}" for n in (1, 2))),
    )
    assert [*found] == [
        "GET /api/groups",
        "GET /api/groups/{group}",
        "GET /api/lights",
        "PUT /api/lights/{light}/state",
    ]
    state = found["PUT /api/lights/{light}/state"]
    assert (state.calls, state.callers, state.variables[0].distinct) == (16, 2, 8)
    assert state.variables[0].examples == ("1", "2", "3", "4", "5")


def test_names_vary_where_enough_of_them_have_the_same_below() -> None:
    items = [f"/rest/items/{name}/state" for name in ("Kitchen_Light", "Hall_Lamp", "Door2")]
    found = templates(calls("PUT", *items), calls("GET", "/rest/things/all", "/rest/items/metaData/keys"))
    assert [*found] == ["GET /rest/items/metaData/keys", "PUT /rest/items/{item}/state", "GET /rest/things/all"]
    assert [*templates(calls("PUT", *items[:2]))] == [f"PUT {path}" for path in sorted(items[:2])]


def test_words_of_the_interface_stay() -> None:
    paths = [f"/api/{word}" for word in ("lights", "groups", "sensors", "rules", "scenes", "config")]
    assert [*templates(calls("GET", *paths))] == [f"GET {path}" for path in sorted(paths)]


def test_an_identifier_of_which_one_was_seen_is_a_segment_of_its_own() -> None:
    assert [*templates(calls("GET", "/relay/0"))] == ["GET /relay/0"]


def test_no_value_of_what_may_be_a_credential_is_kept() -> None:
    users = ("83b7780291a6ceffbe0bd049104df00x", "1028d66426293e821ecfd9ef1a0731dx")
    found = templates(calls("GET", *(f"/api/{user}/lights" for user in users)))
    assert [*found] == ["GET /api/{token}/lights"]
    assert not any(user in repr(found) for user in users)
    assert [*templates(calls("GET", f"/api/{users[0]}/lights"))] == ["GET /api/{token}/lights"]


def test_one_caller_at_one_time_is_noise_and_at_two_times_counts() -> None:
    once = [*calls("GET", "/a", callers=("x",)), *calls("GET", "/a", callers=("x",), at=60)]
    assert templates(iter(once)) == {}
    assert [*templates(iter(once), calls("GET", "/a", callers=("x",), at=HOUR))] == ["GET /a"]


LIGHTS = [f"/api/lights/{n}" for n in (1, 2, 3)]
WORDS = ("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii", "jj", "kk", "ll")
LATER = 700.0


def alone(method: str, *paths: str, caller: str = "ip:192.0.2.66") -> Iterator[Seen]:
    """Yield calls of one caller, at two times: each path counts."""
    for at in (0.0, LATER):
        yield from calls(method, *paths, callers=(caller,), at=at)


def test_one_caller_with_many_words_does_not_dissolve_what_others_call_by_name() -> None:
    known = {"GET /api/lights/{light}", "GET /api/locks/1"}
    found = templates(
        calls("GET", *LIGHTS, "/api/locks/1"),
        alone("GET", *(f"/api/{word}/1" for word in WORDS), *(f"/api/{name}/1" for name in ("A_1", "B_2", "C_3"))),
    )
    assert known <= found.keys()
    assert {each.callers for text, each in found.items() if text not in known} == {1}
    assert not any("{api}" in text for text in found)
    both = templates(calls("GET", *LIGHTS), calls("GET", *(f"/api/{word}/1" for word in WORDS)))
    assert [*both] == ["GET /api/{api}/{number}"], "what two callers use for each of them varies"


def test_a_caller_whom_the_operator_trusts_is_enough() -> None:
    items = [f"/items/{name}" for name in ("Kitchen_1", "Hall_2", "Door_3")]
    assert len(templates(alone("GET", *items, caller="/house/panel"))) == len(items)
    vocabulary = Vocabulary(trusted=["/house/panel"])
    for seen in calls("GET", *items, callers=("/house/panel",)):
        vocabulary.add(seen)
    assert [each.text for each in vocabulary.templates()[0]] == ["/items/{item}"]


def test_identifiers_of_another_form_that_one_caller_made_up_are_noise_beside_those_of_several() -> None:
    vocabulary = Vocabulary()
    for seen in (*calls("GET", *LIGHTS), *alone("GET", "/api/lights/a4cf12f45b", "/api/lights/b4cf12f45c")):
        vocabulary.add(seen)
    (found,), noise = vocabulary.templates()
    assert (found.text, found.variables[0].kind, found.variables[0].whole) == ("/api/lights/{light}", Kind.NUMBER, True)
    assert (noise.calls, noise.paths, noise.by_caller) == (4, 1, (("ip:192.0.2.66", 1),))


def test_a_name_that_only_one_caller_has_is_one_more_of_those_that_vary() -> None:
    items = [f"/items/{name}" for name in ("Kitchen_1", "Hall_2", "Door_3")]
    found = templates(calls("GET", *items), alone("GET", "/items/Attic_4"), alone("POST", "/items/Cellar_5"))
    assert [*found] == ["POST /items/Cellar_5", "GET /items/{item}"], "what nobody does to the others stays apart"
    assert found["GET /items/{item}"].variables[0].examples == ("Door_3", "Hall_2", "Kitchen_1", "Attic_4")


def test_examples_of_most_callers_come_first_and_another_spelling_of_one_caller_does_not_count() -> None:
    found = templates(alone("GET", *(f"/relay/0{n}" for n in range(1, 9))), calls("GET", "/relay/7", "/relay/8"))
    relay = found["GET /relay/{relay}"].variables[0]
    assert relay.examples[:2] == ("7", "8")
    assert (relay.whole, relay.odd[:2]) == (True, ("01", "02"))
    both = templates(calls("GET", "/relay/01"), calls("GET", "/relay/7"))
    assert both["GET /relay/{relay}"].variables[0].whole is False


def test_what_one_caller_sent_once_beside_a_path_does_not_count() -> None:
    normal = Seen("PUT", ("settings",), ("mode",), "application/json", members=(("/on", "boolean"),), fields=("x-a",))
    poison = Seen(
        *("PUT", ("settings",), ("factory_reset",), "text/plain"),
        members=(("/reset", "text"), ("/on", "text")),
        fields=("x-evil",),
        caller="ip:192.0.2.66",
    )
    (found,) = templates(iter([*(normal._replace(caller=each) for each in "ab"), poison])).values()
    assert found.parameters == (Parameter("mode", 2),)
    assert (found.media_types, found.fields) == (("application/json",), ("x-a",))
    assert found.members == (("/on", frozenset({"boolean"})),)
    assert found.seldom == ("?factory_reset", "/reset", "x-evil")


def test_random_paths_neither_shape_templates_nor_take_room() -> None:
    chance = random.Random(7)
    vocabulary = Vocabulary()
    honest = [*calls("PUT", *(f"/api/lights/{n}/state" for n in range(1, 5)))]
    begun = time.monotonic()
    for number in range(8_000):
        word = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz_", k=9))
        vocabulary.add(Seen(method="GET", segments=("api", "lights", word), caller="attacker", time=number))
        if number % 2000 == 0:
            for seen in honest:
                vocabulary.add(seen)
    found, noise = vocabulary.templates()
    assert [each.text for each in found] == ["/api/lights/{light}/state"]
    assert len(vocabulary) <= MOST_ALONE + 1
    assert noise.by_caller[0][0] == "attacker"
    assert noise.calls == 8_000
    assert time.monotonic() - begun < 10


def test_many_callers_with_random_paths_take_no_more_than_there_is() -> None:
    vocabulary = Vocabulary()
    for seen in calls("GET", "/api/config"):
        vocabulary.add(seen)
    for number in range(2 * MOST_PATHS):
        vocabulary.add(Seen(method="GET", segments=(f"p_{number}",), caller=f"c{number % 1000}"))
    assert len(vocabulary) <= MOST_PATHS
    assert [each.text for each in vocabulary.templates()[0]] == ["/api/config"]


def test_paths_that_are_too_deep_too_long_or_braced_are_noise() -> None:
    bad = ["/a" * 17, f"/{'a' * 129}", "/{number}", "/{foo}"]
    vocabulary = Vocabulary()
    for seen in calls("GET", *bad):
        vocabulary.add(seen)
    found, noise = vocabulary.templates()
    assert (found, noise.calls) == ([], 2 * len(bad))


def test_the_order_of_calls_does_not_matter() -> None:
    seen = [
        *calls("GET", *(f"/api/{kind}/{n}" for kind in ("lights", "groups") for n in range(4))),
        *calls("PUT", *(f"/items/{name}" for name in ("A_1", "B_2", "C_3"))),
    ]
    first = templates(iter(seen))
    random.Random(1).shuffle(seen)
    assert templates(iter(seen)) == first
