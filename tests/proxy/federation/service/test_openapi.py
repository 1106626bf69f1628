"""`openapi.yaml` against a service that runs: schemathesis makes calls from it, good and bad ones, and compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig

from models.exchange.envelope import encode_contribution
from proxy.federation.messages import CONTRIBUTION
from proxy.federation.service.openapi import description
from proxy.federation.service.problem import TITLES
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import HOST, Caller, Place, signing_request

DESCRIPTION: dict[str, Any] = yaml.safe_load(description())
EXAMPLES = 6
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


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
def test_what_the_service_does_is_what_is_described(
    case: schemathesis.Case[Any], place: Place, origin: Caller, operator: Caller
) -> None:
    if case.operation.label == "POST /v1/enrolments" and isinstance(case.body, dict) and case.body.get("request") == "":
        case.body["request"] = signing_request()
    caller = operator if case.operation.path.startswith("/v1/origins") else origin
    authority = place.directory / "authority.pem"
    authority.write_text(place.authority.pem, encoding="ascii")
    case.call_and_validate(base_url=f"https://{HOST}:{place.port}", cert=str(caller.certificate), verify=str(authority))


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
