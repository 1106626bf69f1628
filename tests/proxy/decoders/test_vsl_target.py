"""Targets are read in one way or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.vsl_target import BadTarget, Interface, parse

OWN = "/agent1/lightcontrol1"
AGENT = "agent1"
STREAM = "b4fb38af-381a-4772-8268-b84199dfab95"


@pytest.mark.parametrize(
    ("target", "canonical"),
    [
        ("/vsl/agent1/movement1/movement", "/vsl/agent1/movement1/movement"),
        ("/vsl/agent1/movement1/", "/vsl/agent1/movement1"),
        ("/vsl/~/lightOn", "/vsl/agent1/lightcontrol1/lightOn"),
        ("/vsl/~", "/vsl/agent1/lightcontrol1"),
        ("/vsl/agent1?depth=1&scope=metadata", "/vsl/agent1?depth=1&scope=METADATA"),
        ("/vsl/agent1?scope=VALUE;depth=2", "/vsl/agent1?depth=2"),
        ("/vsl/agent1?depth=many&colour=red", "/vsl/agent1"),
        ("/vsl/agent1?depth=2147483647", "/vsl/agent1?depth=2147483647"),
        ("/vsl/agent1?depth=2147483648", "/vsl/agent1"),
        ("/vsl/agent1?depth=-2", "/vsl/agent1?depth=-2"),
        ("/vsl/agent1?depth=007", "/vsl/agent1?depth=7"),
        ("/vsl/agent1?depth=+1", "/vsl/agent1?depth=1"),
        ("/service/register", "/service/register"),
        ("/service/unregister", "/service/unregister"),
        ("/callbacks", "/callbacks"),
        ("/vsl/search/type/lightControler", "/vsl/agent1/search/type/lightControler"),
        ("/vsl/search/type/a//type/b/", "/vsl/agent1/search/type/a//type/b"),
        ("/vsl/agent2/search/type/a", "/vsl/agent2/search/type/a"),
        ("/vsl/agent2/typeSearch/derived/boolean", "/vsl/agent2/typeSearch/derived/boolean"),
        ("/vsl/search", "/vsl/search"),
        ("/vsl/agent1/search", "/vsl/agent1/search"),
        ("/vsl/agent1/svc/search/x", "/vsl/agent1/svc/search/x"),
        ("/vsl/~/rooms/add/3/basic/text//kitchen", "/vsl/agent1/lightcontrol1/rooms/add/3/basic/text//kitchen"),
        (f"/callback-stream/{STREAM}-7", f"/callback-stream/{STREAM}-7"),
    ],
)
def test_canonical_form(target: str, canonical: str) -> None:
    assert parse(target, OWN, AGENT).canonical() == canonical


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/config.txt", "outside-the-interface"),
        ("/", "outside-the-interface"),
        ("/vsl", "outside-the-interface"),
        ("/vsl/", "outside-the-interface"),
        ("/agent1/movement1", "outside-the-interface"),
        ("/ka/handshake", "knowledge-agent-interface"),
        ("/vsl/agent1/../agent2/x", "ambiguous-target"),
        ("/vsl/agent1/./x", "ambiguous-target"),
        ("/vsl/agent1/%6dovement1", "ambiguous-target"),
        ("/vsl/agent1/x;jsessionid=1", "ambiguous-target"),
        ("/vsl/agent1\\x", "ambiguous-target"),
        ("/vsl/agent1/~/x", "ambiguous-target"),
        ("/vsl/agent1/x?depth=0&depth=9", "ambiguous-target"),
        ("http://agent1/vsl/x", "ambiguous-target"),
        ("*", "ambiguous-target"),
        ("/vsl/search/type/a///type/b", "ambiguous-target"),
        ("/vsl/search//type/a", "ambiguous-target"),
        ("/vsl/agent1/typeSearch/a//b", "ambiguous-target"),
        ("/vsl/search/type/~", "ambiguous-target"),
        ("/callback-stream/x-7", "ambiguous-target"),
        (f"/callback-stream/{STREAM}", "ambiguous-target"),
        (f"/callback-stream/{STREAM}-7/x", "outside-the-interface"),
        ("/callback-stream", "outside-the-interface"),
        ("/vsl/" + "a" * 3000, "target-too-long"),
    ],
)
def test_refused(target: str, code: str) -> None:
    with pytest.raises(BadTarget) as refused:
        parse(target, OWN, AGENT)
    assert refused.value.code == code


def test_depth_is_read() -> None:
    assert parse("/vsl/agent1?depth=-1", OWN, AGENT).depth == -1
    assert parse("/vsl/agent1?depth=2147483647", OWN, AGENT).depth == 2**31 - 1


def test_less_than_everything_counts_as_everything() -> None:
    assert parse("/vsl/agent1?depth=-2", OWN, AGENT).depth == -1


def test_list_separators_are_seen() -> None:
    assert parse("/vsl/~/rooms/add/basic/text//kitchen", OWN, AGENT).list_separators


def test_a_search_is_one_of_the_search_service() -> None:
    target = parse("/vsl/search/type/a//type/b", OWN, AGENT)
    assert (target.interface, target.address, target.rest) == (Interface.SEARCH, "/agent1/search", "type/a//type/b")


def test_a_stream_has_the_invocation_that_it_belongs_to() -> None:
    assert parse(f"/callback-stream/{STREAM}-7", OWN, AGENT).invocation == (STREAM, "7")


def test_who_has_no_address_has_no_nodes_of_its_own() -> None:
    with pytest.raises(BadTarget):
        parse("/vsl/~/x", "ip:192.0.2.9", AGENT)


@given(st.text(max_size=60))
def test_parsing_the_canonical_form_again_changes_nothing(tail: str) -> None:
    try:
        first = parse("/vsl/" + tail, OWN, AGENT)
    except BadTarget:
        return
    assert first.interface in {Interface.NODE, Interface.SEARCH}
    assert parse(first.canonical(), OWN, AGENT) == first
