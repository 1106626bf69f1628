"""What monitoring sees, without a certificate."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
import yaml

from proxy.federation.service.stores import store_of
from tests.proxy.federation.service import learnt as learning
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Place
from tests.proxy.federation.service.stored import row_of
from tests.waiting import eventually


def test_health_and_readiness(service: Place) -> None:
    assert service.stranger().ask("GET", "/healthz").body == b"alive\n"
    assert service.stranger().ask("GET", "/readyz").body == b"ready\n"


def test_the_interface_describes_itself(service: Place) -> None:
    answer = service.stranger().ask("GET", "/openapi.yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.body)["openapi"] == "3.1.0"


def test_metrics_say_what_is_held(service: Place) -> None:
    service.member("metered").contribute(learnt("/metered"))

    def figures() -> dict[str, float]:
        text = service.stranger().ask("GET", "/metrics").body.decode()
        return {line.split()[0]: float(line.split()[-1]) for line in text.splitlines() if not line.startswith("#")}

    eventually(lambda: figures()["alleyes_federation_service_types"] >= 1)
    found = figures()
    assert found['alleyes_federation_contributions_total{result="stored"}'] >= 1
    assert found["alleyes_federation_origins"] >= 1
    assert found["alleyes_federation_loaded"] == found["alleyes_federation_revocations_known"] == 1
    assert found["alleyes_federation_connections"] >= 1


def test_nothing_else_is_shown_without_a_certificate(service: Place) -> None:
    for path in ("/v1/models", "/v1/models/%2Fmetered", "/v1/acceptances", "/v1/origins"):
        answer = service.stranger().ask("GET", path)
        assert (answer.status, answer.code) == (HTTPStatus.FORBIDDEN, "unauthenticated")


def test_a_clock_that_is_far_behind_what_is_stored_is_told(service: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one here: the service stays so."""
    origin, reader = service.member("on-time"), service.member("ahead-reader")
    with monkeypatch.context() as ahead:
        ahead.setattr(learning, "_MINUTE", learning._MINUTE + 3 * 24 * 60)
        stored, contributed = learnt("/ahead"), learnt("/ahead", weight=6)

    async def put() -> None:
        store = store_of(service.document)
        await store.open()
        await store.put([row_of("stored", stored)])
        await store.close()

    assert origin.contribute(contributed).code == "time"
    asyncio.run(put())
    eventually(lambda: reader.model("/ahead").status == HTTPStatus.OK)
    answer = service.stranger().ask("GET", "/readyz")
    assert (answer.status, answer.code) == (HTTPStatus.SERVICE_UNAVAILABLE, "clock")
    assert "hours behind what is stored" in answer.json["detail"]
    refused = origin.contribute(contributed)
    assert (refused.status, refused.code) == (HTTPStatus.SERVICE_UNAVAILABLE, "clock")
    assert origin.contribute(learnt("/on-time")).status == HTTPStatus.NO_CONTENT
