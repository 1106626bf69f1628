"""Targets are read in one way or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.vsl_target import BadTarget, Interface, parse

OWN = "/agent1/lightcontrol1"


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
        ("/service/register", "/service/register"),
        ("/callbacks", "/callbacks"),
    ],
)
def test_canonical_form(target: str, canonical: str) -> None:
    assert parse(target, OWN).canonical() == canonical


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
        ("/vsl/" + "a" * 3000, "target-too-long"),
    ],
)
def test_refused(target: str, code: str) -> None:
    with pytest.raises(BadTarget) as refused:
        parse(target, OWN)
    assert refused.value.code == code


def test_depth_is_read() -> None:
    assert parse("/vsl/agent1?depth=-1", OWN).depth == -1


def test_list_separators_are_seen() -> None:
    assert parse("/vsl/search/type/a//type/b", OWN).list_separators


@given(st.text(max_size=60))
def test_parsing_the_canonical_form_again_changes_nothing(tail: str) -> None:
    try:
        first = parse("/vsl/" + tail, OWN)
    except BadTarget:
        return
    assert first.interface is Interface.NODE
    assert parse(first.canonical(), OWN) == first
