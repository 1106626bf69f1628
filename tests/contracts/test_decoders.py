"""What every decoder promises (`proxy.decoders.base`), whatever a sender sends."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.decoders.base import Answer, Decoded, Decoder, Request
from proxy.http1 import serialiser
from tests.contracts.decoders import BASIC, CASES, SENDER, Case, request

NOW = 1_763_000_000_000
CANONICAL = re.compile(r"(?:/[!-.0-~]+)+")
OVERRIDE = "x-http-method-override"
METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "SET", "X"]
HOSTILE = [
    *("/..", "/.", "//", "/%2e%2e", "%2F", "%5C", "\\", "%00", "%0d%0a", "%", "%zz", "%C3%A9", "%FF", "%252e", ";x=1"),
    *("?", "&", "=", "?a", "&a=1&a=2", "+", "~", "/~/", "*", "{user}", "@", "a" * 300, "/a" * 40, "&b=c" * 40),
]
FIELDS = [
    ("content-type", "application/json"),
    ("content-type", "text/plain"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "application/octet-stream"),
    ("content-encoding", "gzip"),
    (OVERRIDE, "DELETE"),
    ("x-original-url", "/elsewhere"),
    ("authorization", BASIC),
    ("authorization", "Bearer another-token-of-somebody"),
    ("cookie", "session=another-token-of-somebody"),
    ("upgrade", "websocket"),
    ("upgrade", "h2c"),
    ("accept", "*/*"),
    ("x" * 40, "y" * 2000),
]
BODIES = [
    *(b"", b"{}", b"[]", b"null", b"NaN", b"1e999", b'{"on":true,"on":false}', b'{"on":tru', b"\xff\xfe", b"\x00" * 64),
    *(b"[" * 2000, b'{"a":' * 2000, b'{"value":"\\ud800"}', b"on=true&on=false", b"\xbf" * 100, b'"\xc3\xa9"'),
]


def decoded(decoder: Decoder, asked: Request) -> Decoded:
    return decoder.decode(asked, SENDER, NOW, None)


@st.composite
def mutated(draw: st.DrawFn, case: Case) -> Request:
    """A request that a service of the middleware makes, spoilt in up to four places."""
    asked = draw(st.sampled_from(case.requests))
    for change in draw(st.lists(st.sampled_from(list(CHANGES)), max_size=4)):
        asked = CHANGES[change](draw, asked)
    return asked


def _method(draw: st.DrawFn, asked: Request) -> Request:
    return msgspec.structs.replace(asked, method=draw(st.sampled_from(METHODS)))


def _target(draw: st.DrawFn, asked: Request) -> Request:
    start = draw(st.integers(1, len(asked.target)))
    end = draw(st.integers(start, min(start + 8, len(asked.target))))
    what = draw(st.sampled_from(HOSTILE) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12))
    return msgspec.structs.replace(asked, target=asked.target[:start] + what + asked.target[end:])


def _field(draw: st.DrawFn, asked: Request) -> Request:
    return msgspec.structs.replace(asked, headers=(*asked.headers, draw(st.sampled_from(FIELDS))))


def _body(draw: st.DrawFn, asked: Request) -> Request:
    start = draw(st.integers(0, len(asked.body)))
    what = draw(st.sampled_from(BODIES) | st.binary(max_size=40))
    return msgspec.structs.replace(asked, body=draw(st.sampled_from([what, asked.body[:start] + what])))


def _member(draw: st.DrawFn, asked: Request) -> Request:
    body = asked.body
    added = draw(st.sampled_from(["on", "bri", "value", "children", "operation", "id", "zz9"]))
    value: object = draw(st.sampled_from([True, -1, 1e300, "x", None, {}, {"a": [1]}, [{}] * 20, "é\x00"]))
    try:
        read = json.loads(body)
    except ValueError:
        return asked
    if isinstance(read, dict):
        body = json.dumps({**read, added: value}).encode()
    return msgspec.structs.replace(asked, body=body)


CHANGES: dict[str, Callable[[st.DrawFn, Request], Request]] = {
    "method": _method,
    "target": _target,
    "field": _field,
    "body": _body,
    "member": _member,
}
FUZZED = settings(derandomize=True, deadline=None)


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_what_services_ask_for_is_understood(case: Case) -> None:
    decoder = case.make()
    assert any(decoded(decoder, each).refusal is None for each in case.requests)


def test_a_hostile_request_is_refused_or_means_what_is_sent_on(case: Case) -> None:
    decoder = case.make()

    @settings(FUZZED, max_examples=case.examples)
    @given(mutated(case))
    def check(asked: Request) -> None:
        found = decoded(decoder, asked)
        outbound, refusal = found.outbound, found.refusal
        token = decoder.credential(asked)
        if token is not None and len(token) > len("a word") and token.encode() not in asked.body:
            words = decoder.in_words(f"{asked.method} {asked.target}")
            assert token not in repr((found.accesses, refusal, found.request, words))
        if refusal is not None and refusal.every_mode:
            assert outbound is None, "nothing that holds in every mode is sent"
        if refusal is None:
            assert found.accesses
            assert outbound is not None
        assert len(found.accesses) <= 1024
        for access in found.accesses:
            assert access.node == access.destination or access.node.startswith(f"{access.destination}/")
            for address in (access.node, access.destination):
                assert CANONICAL.fullmatch(address), address
                assert not {".", ".."} & set(address.split("/"))
            if access.destination_type is None:
                assert refusal is not None, "what is not known is not harmless"
        if outbound is None:
            return
        serialiser.request(outbound)
        again = Request(outbound.method, outbound.target, outbound.headers, outbound.body)
        reread = decoded(case.make() if found.asked_for else decoder, again)
        if refusal is None:
            assert reread.refusal is None, reread.refusal
            assert reread.accesses == found.accesses
            assert reread.outbound == outbound
        else:
            assert reread.refusal is not None, "what was refused has become harmless on its way"

    check()


def test_a_line_that_is_cut_off_anywhere_tells_no_credential(case: Case) -> None:
    decoder = case.make()
    for each in case.requests:
        token = decoder.credential(each)
        line = f"{each.method} {each.target}"
        for end in range(len(line) + 1):
            assert token is None or token not in decoder.in_words(line[:end])


@FUZZED
@given(line=st.text(max_size=80), name=st.sampled_from(list(CASES)))
def test_words_are_found_for_any_line(line: str, name: str) -> None:
    assert isinstance(CASES[name].make().in_words(line), str)


def test_what_is_not_known_is_refused_however_small(case: Case) -> None:
    decoder = case.make()
    usual = [each for each in case.requests if decoded(decoder, each).refusal is None]
    for each in usual:
        for spoilt in unknown(each):
            found = decoded(decoder, spoilt)
            # What the middleware itself ignores may be ignored here: then it is not sent on.
            assert found.refusal is not None or not sends(found, "zz9"), spoilt


def sends(found: Decoded, what: str) -> bool:
    """Whether something is sent on."""
    return found.outbound is None or what in repr(found.outbound)


def unknown(asked: Request) -> Iterator[Request]:
    """The same with something that no middleware has."""
    yield msgspec.structs.replace(asked, method="BREW")
    path, mark, query = asked.target.partition("?")
    yield msgspec.structs.replace(asked, target=f"/zz9{path}{mark}{query}")
    yield msgspec.structs.replace(asked, target=f"{path}?{query}{'&' if query else ''}zz9=1")
    if asked.headers and asked.method in {"PUT", "POST", "PATCH"}:
        kept = tuple(field for field in asked.headers if field[0] != "content-type")
        yield msgspec.structs.replace(asked, headers=(*kept, ("content-type", "image/zz9")), body=b"zz9")
    yield msgspec.structs.replace(asked, headers=(*asked.headers, ("upgrade", "zz9"), ("connection", "Upgrade")))


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD", ""])
def test_refusals_are_answers_that_clients_of_the_middleware_read(case: Case, method: str) -> None:
    decoder = case.make()
    messages = ["The access point cannot be reached", '"\\\n\r\t{message}%s</script>é\x00']
    for answer in (decoder.refuse(method), *(decoder.unavailable(method, each) for each in messages)):
        assert 400 <= answer.status < 600
        serialiser.answer(answer, head_only=method == "HEAD")
        if answer.body and "json" in dict(answer.headers)["content-type"]:
            json.loads(answer.body)


def test_answers_do_not_depend_on_what_was_asked(case: Case) -> None:
    answers: set[Answer] = {case.make().refuse("PUT") for _ in range(2)}
    assert len(answers) == 1


def _lines(work: Callable[[], object]) -> int:
    """How many lines of Python are run."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


GROWING: dict[str, Callable[[Request, int], Request]] = {
    "segments": lambda asked, n: msgspec.structs.replace(asked, target=asked.target + "/a" * n),
    "parameters": lambda asked, n: msgspec.structs.replace(
        asked, target=f"{asked.target}{'&' if '?' in asked.target else '?'}{'&'.join(f'p{i}=1' for i in range(n))}"
    ),
    "one parameter": lambda asked, n: msgspec.structs.replace(asked, target=f"{asked.target}?p={'%41' * n}"),
    "fields": lambda asked, n: msgspec.structs.replace(
        asked, headers=(*asked.headers, *((f"x-{i}", "1") for i in range(n)))
    ),
    "members": lambda asked, n: msgspec.structs.replace(
        asked, body=json.dumps({f"m{i}": 1 for i in range(n)}).encode()
    ),
    "items": lambda asked, n: msgspec.structs.replace(asked, body=json.dumps({"value": [1] * n}).encode()),
    "depth": lambda asked, n: msgspec.structs.replace(asked, body=b'{"a":' * n + b"1" + b"}" * n),
    "pairs": lambda asked, n: msgspec.structs.replace(asked, body=b"&".join(b"p%d=1" % i for i in range(n))),
}


@pytest.mark.parametrize("growing", GROWING)
def test_work_is_linear_in_the_size_of_a_request(case: Case, growing: str) -> None:
    for each in case.requests[:: max(1, len(case.requests) // 4)]:
        small, large = (GROWING[growing](each, n) for n in (100, 400))
        # A decoder of its own for each: one may remember what it has read before.
        few, many = (_lines(partial(decoded, case.make(), asked)) for asked in (small, large))
        assert many <= 5 * few + 500, (each.method, each.target)


def test_a_request_is_decoded_the_same_every_time(case: Case) -> None:
    decoder = case.make()
    for each in case.requests:
        assert decoded(decoder, each) == decoded(decoder, each)
    assert decoded(decoder, request("BREW", "/")).refusal is not None
