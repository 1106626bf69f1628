"""The figures, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from proxy.federation.service.metrics import Metrics


def test_figures_are_those_of_one_service_and_can_be_read() -> None:
    metrics, other = Metrics(), Metrics()
    metrics.contributions.labels("stored").inc(3)
    metrics.tell("waiting", "Requests that wait", 2)
    metrics.tell("waiting", "Requests that wait", 1)
    found = {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}
    (stored,) = [s for s in found["alleyes_federation_contributions"].samples if s.name.endswith("_total")]
    assert (stored.labels, stored.value) == ({"result": "stored"}, 3)
    assert [sample.value for sample in found["alleyes_federation_waiting"].samples] == [1]
    assert b"waiting 1" not in other.text()


def test_answers_are_counted_by_route_and_status() -> None:
    metrics = Metrics()
    for status in (204, 204, 0):
        metrics.answered("PUT", "/v1/candidates", status, 0.01)
    text = metrics.text().decode()
    counted = 'alleyes_federation_requests_total{method="PUT",route="/v1/candidates",status='
    assert counted + '"204"} 2.0' in text
    assert counted + '"gone"} 1.0' in text
    assert 'alleyes_federation_request_seconds_count{method="PUT",route="/v1/candidates"} 3.0' in text
