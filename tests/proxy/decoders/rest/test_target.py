"""Targets and forms have one reading and one spelling, or are refused."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.decoders.rest.bad_request import BadRequest
from proxy.decoders.rest.target import Target, parse, parse_pairs, write, write_pairs

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
LIKELY = st.text(st.sampled_from("/%25eE2fF3bB.;?&=+aA~:@,\\#0"), max_size=40)
TARGETS = st.one_of(PRINTABLE, LIKELY).map(lambda text: f"/{text}")


@pytest.mark.parametrize(
    ("target", "canonical"),
    [
        ("/", "/"),
        ("/api/lights/", "/api/lights/"),
        ("/%61pi/l%69ghts", "/api/lights"),
        ("/astro:sun:local%23rise", "/astro:sun:local%23rise"),
        ("/a%20b", "/a%20b"),
        ("/a+b", "/a+b"),
        ("/k%C3%BCche", "/k%C3%BCche"),
        ("/a?", "/a"),
        ("/a?b=1&a=2", "/a?b=1&a=2"),
        ("/a?&&b=1&", "/a?b=1"),
        ("/a?b", "/a?b="),
        ("/a?cmnd=Power+On", "/a?cmnd=Power%20On"),
        ("/a?t=12%3A00%2B01", "/a?t=12:00%2B01"),
        ("/a?x=a=b", "/a?x=a%3Db"),
        ("/a?x=%3B", "/a?x=%3B"),
    ],
)
def test_what_is_read_is_sent_on_in_one_spelling(target: str, canonical: str) -> None:
    assert parse(target).canonical == canonical


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/a//b", "ambiguous-target"),
        ("//a", "ambiguous-target"),
        ("/a/../b", "ambiguous-target"),
        ("/a/%2e%2E/b", "ambiguous-target"),
        ("/a/.", "ambiguous-target"),
        ("/a%2Fb", "ambiguous-target"),
        ("/a%5cb", "ambiguous-target"),
        ("/a\\b", "ambiguous-target"),
        ("/a%252Fb", "ambiguous-target"),
        ("/a;v=1/b", "ambiguous-target"),
        ("/a%3Bv", "ambiguous-target"),
        ("/a%00", "ambiguous-target"),
        ("/a%0d%0aX", "ambiguous-target"),
        ("/a%zz", "ambiguous-target"),
        ("/a%", "ambiguous-target"),
        ("/a%ff", "ambiguous-target"),
        ("/%c0%af", "ambiguous-target"),
        ("/%EF%BC%8E%EF%BC%8E/b", "ambiguous-target"),  # full-width dots
        ("/e%CC%81", "ambiguous-target"),  # é in two characters
        ("/a%E2%80%8B", "ambiguous-target"),  # of no width
        ("/a%20", "ambiguous-target"),
        ("/a b", "ambiguous-target"),
        ("/a#b", "ambiguous-target"),
        ("http://x/a", "ambiguous-target"),
        ("*", "ambiguous-target"),
        ("/a?b=1&b=2", "ambiguous-target"),
        ("/a?b=1&%62=2", "ambiguous-target"),
        ("/a?b=1;c=2", "ambiguous-target"),
        ("/a?=1", "ambiguous-target"),
        ("/a?b=%00", "ambiguous-target"),
        ("/a?b=%0A", "ambiguous-target"),
        ("/a?b=%ff", "ambiguous-target"),
        ("/a?_method=DELETE", "method-override"),
        ("/a?_METHOD=DELETE", "method-override"),
        ("/" + "a" * 2048, "target-too-long"),
        ("/a" * 65, "target-too-long"),
        ("/a?" + "&".join(f"p{i}=" for i in range(129)), "ambiguous-target"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_in_every_mode(target: str, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(target)
    assert (refused.value.refusal.code, refused.value.refusal.every_mode) == (code, True)


def test_upper_and_lower_case_are_one_where_the_server_takes_them_for_one() -> None:
    found = parse("/CM?CMND=Power", fold_path=True, fold_query=True)
    assert (found.segments, found.query, found.canonical) == (("cm",), {"cmnd": "Power"}, "/cm?cmnd=Power")
    with pytest.raises(BadRequest, match="upper and lower case"):
        parse("/cm?cmnd=1&CMND=2", fold_query=True)


def read(target: str) -> Target:
    try:
        return parse(target)
    except BadRequest:
        assume(False)
        raise


@given(TARGETS)
def test_the_canonical_form_is_read_as_the_same_and_stays(target: str) -> None:
    first = read(target)
    again = parse(first.canonical)
    assert (again.segments, again.query, again.canonical) == (first.segments, first.query, first.canonical)


@given(TARGETS, TARGETS)
def test_two_canonical_forms_mean_two_things(one: str, other: str) -> None:
    first, second = read(one), read(other)
    assert (first.canonical == second.canonical) == ((first.segments, first.query) == (second.segments, second.query))


@given(TARGETS)
def test_another_reader_reads_the_canonical_form_alike(target: str) -> None:
    found = read(target)
    path, _, query = found.canonical.partition("?")
    assert tuple(unquote(each, errors="strict") for each in path.split("/")[1:]) == found.segments
    assert dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))) == found.query


@given(TARGETS, st.sampled_from(["//", "/../", "/./", "%2f", "%00", ";", "%5C", "%25"]))
def test_what_is_refused_stays_refused_whatever_follows(target: str, trick: str) -> None:
    path = target.partition("?")[0]
    with pytest.raises(BadRequest):
        parse(f"{path}{trick}a")


@given(
    st.dictionaries(
        st.from_regex(r"[!-~]{1,8}", fullmatch=True),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
        min_size=1,
    )
)
def test_pairs_are_read_as_they_were_written(pairs: dict[str, str]) -> None:
    assume("_method" not in {name.lower() for name in pairs})
    assert parse_pairs(write_pairs(pairs)) == pairs


@given(
    st.lists(
        st.text(st.sampled_from("aZ0 ~:@é#?&="), min_size=1, max_size=6).map(lambda each: f"x{each}x"),
        min_size=1,
        max_size=5,
    )
)
def test_segments_are_read_as_they_were_written(segments: list[str]) -> None:
    assert parse(write(tuple(segments), {})).segments == tuple(segments)


def test_a_form_may_have_lines_in_its_values() -> None:
    assert parse_pairs("a=1%0A2", "ambiguous-body", lines=True) == {"a": "1\n2"}
