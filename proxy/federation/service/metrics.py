"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The figures of one service process."""

    def __init__(self) -> None:
        """Begin with zeros."""
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "alleyes_federation_requests",
            "Answers, by route and status",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "alleyes_federation_request_seconds",
            "Time from the head of a request to its answer, waiting for changes included",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.contributions = Counter(
            "alleyes_federation_contributions",
            "Contributions, by what became of them: stored, known, stale, or the code of the problem",
            ["result"],
            registry=self._registry,
        )
        self.candidates = Counter(
            "alleyes_federation_candidates",
            "Tellings of candidates, by what became of them",
            ["result"],
            registry=self._registry,
        )
        self.enrolments = Counter(
            "alleyes_federation_enrolments",
            "Enrolments, by what became of them: issued, renewed, or the code of the problem",
            ["result"],
            registry=self._registry,
        )
        self._gauges: dict[str, Gauge] = {}
        self._contributed: dict[str, Counter] = {}
        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; status 0: the caller went away before there was one."""
        found = self._answers.get((method, route, status))
        if found is None:
            shown = str(status) if status else "gone"
            found = self.requests.labels(method, route, shown), self.seconds.labels(method, route)
            self._answers[method, route, status] = found
        counter, histogram = found
        counter.inc()
        histogram.observe(seconds)

    def contributed(self, result: str) -> None:
        """Count a contribution, by what became of it."""
        found = self._contributed.get(result)
        if found is None:
            found = self._contributed[result] = self.contributions.labels(result)
        found.inc()

    def tell(self, name: str, meaning: str, value: float) -> None:
        """Say what something is right now."""
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(f"alleyes_federation_{name}", meaning, registry=self._registry)
        gauge.set(value)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
