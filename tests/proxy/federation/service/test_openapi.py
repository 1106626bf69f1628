"""`openapi.yaml` against a service that runs: schemathesis makes calls from it, good and bad ones, and compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok

from models.exchange.envelope import encode_contribution
from proxy.federation.messages import CONTRIBUTION, Candidates
from proxy.federation.service.openapi import description
from proxy.federation.service.problem import TITLES
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import HOST, Caller, Place, signing_request

DESCRIPTION: dict[str, Any] = yaml.safe_load(description())
EXAMPLES = 12
"""Calls of each operation that are made up at random, beside those that try each limit."""
SETTINGS: dict[str, Any] = {
    "limits": {
        "requests_per_second": 100_000,
        "burst": 100_000,
        "wait_seconds": 0,
        "service_types": 100_000,
        "strangers": {"requests_per_second": 100_000, "burst": 100_000},
    }
}
BEYOND_SCHEMAS = ["2xx", "304", "400", "403", "404", "409", "422"]
"""Answers to calls that no schema can tell to be good: names, times and sums have to fit, cursors to exist."""
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 6,
        "operations": [
            {
                "include-operation-id": ["putContribution", "putCandidates", "getModel", "getAcceptances", "enrol"],
                "checks": {"positive_data_acceptance": {"expected-statuses": BEYOND_SCHEMAS}},
            }
        ],
    }
)
schemathesis.openapi.media_type(CONTRIBUTION, st.just(encode_contribution(learnt(sequence=2))))
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION, config=CONFIG)
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)}
CASES = [
    (label, mode)
    for label in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or "/v1/" in label
]
"""Of what takes neither parameters nor a body, no bad calls can be made up."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("described"), SETTINGS).serving() as place:
        yield place


@pytest.fixture(scope="module")
def origin(place: Place) -> Caller:
    caller = place.member("somebody")
    assert caller.contribute(learnt()).status == 204
    return caller


@pytest.fixture(scope="module")
def operator(place: Place) -> Caller:
    return place.member("somebody-else", "operator")


@pytest.fixture(scope="module")
def done() -> Counter[str]:
    """How often each operation did what it is for."""
    return Counter()


STAMPS = count(3)


@pytest.mark.parametrize(("label", "mode"), CASES)
def test_what_the_service_does_is_what_is_described(
    label: str, mode: GenerationMode, place: Place, origin: Caller, operator: Caller, done: Counter[str]
) -> None:
    """Not with schemathesis' own parametrisation: its tests have one name, and pytest-xdist runs a name once."""

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(OPERATIONS[label].as_strategy(generation_mode=mode))
    def made_up(case: schemathesis.Case[Any]) -> None:
        if label == "POST /v1/enrolments" and isinstance(case.body, dict) and case.body.get("request") == "":
            case.body["request"] = signing_request()
        call(case, place, origin, operator, done)

    made_up()


def call(case: schemathesis.Case[Any], place: Place, origin: Caller, operator: Caller, done: Counter[str]) -> str:
    """Make a call as whoever it is for, and compare with the description; return what is answered."""
    caller = operator if case.operation.path.startswith("/v1/origins") else origin
    authority = place.directory / "authority.pem"
    authority.write_text(place.authority.pem, encoding="ascii")
    answer = case.call_and_validate(
        base_url=f"https://{HOST}:{place.port}", cert=str(caller.certificate), verify=str(authority)
    )
    done[case.operation.label] += answer.status_code in range(200, 300)
    return f"{answer.status_code} {answer.content[:200]!r}"


def good(label: str, place: Place) -> dict[str, Any]:
    """What a caller of the operation really sends: names that exist, a newer stamp each time, a token."""
    stamp = next(STAMPS)
    type_path = {"service_type": quote(LIGHT, safe="")}
    match label:
        case "PUT /v1/contributions/{service_type}":
            body = encode_contribution(learnt(sequence=stamp))
            return {"path_parameters": type_path, "body": body, "media_type": CONTRIBUTION}
        case "PUT /v1/candidates":
            told = Candidates(epoch=1, sequence=stamp, instances={LIGHT: 4}, open=[showing()])
            return {"body": msgspec.to_builtins(told), "media_type": "application/json"}
        case "POST /v1/enrolments":
            asked = {"request": signing_request(), "token": place.invite(f"newcomer-{stamp}")}
            return {"body": asked, "media_type": "application/json"}
        case "GET /v1/models/{service_type}":
            return {"path_parameters": type_path}
        case "DELETE /v1/origins/{origin}":
            place.member(f"leaving-{stamp}").close()
            return {"path_parameters": {"origin": f"leaving-{stamp}"}}
    return {}


def test_good_calls_are_taken_each_time(place: Place, operator: Caller) -> None:
    """After all those above too; whatever was made up, what members really send is done, and not only once."""
    member = place.member("member")
    for result in SCHEMA.get_all_operations():
        assert isinstance(result, Ok)
        operation, done = result.ok(), Counter[str]()
        answers = [call(operation.Case(**good(operation.label, place)), place, member, operator, done) for _ in "12"]
        assert done[operation.label] == 2, (operation.label, answers)


def test_what_was_made_up_was_taken_too_where_a_schema_can_tell_what_is_good(done: Counter[str]) -> None:
    by_schema = {"GET /v1/models", "GET /v1/acceptances", "GET /v1/origins", "PUT /v1/candidates"}
    assert by_schema - {label for label, times in done.items() if times} == set()


def test_what_is_described_is_what_there_is(place: Place) -> None:
    described = {
        (method.upper(), path)
        for path, operations in DESCRIPTION["paths"].items()
        for method in operations
        if method in {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
    }
    assert described == {(route.method, route.path) for route in place.service().routes}


def test_every_failure_that_is_told_is_described() -> None:
    """By its code: what programs tell failures apart by."""
    text = description().decode()
    assert [code for code in TITLES if f"`{code}`" not in text] == []
