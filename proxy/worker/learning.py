"""Lets event time pass for the models of a worker, and tells the supervisor of each minute: at most one is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.analyzer import Analyzer
from models.node import REPORT
from models.paper.analyzer import PaperAnalyzer
from models.replica import Replica, decode
from proxy.clocks import EventClock
from proxy.processes.messages import Minute, Seen


@dataclass(frozen=True)
class Learning:
    """Closes the minutes of event time."""

    analyzer: Analyzer | PaperAnalyzer
    clock: EventClock
    send: Callable[[Minute | Seen], None]

    def advance(self) -> None:
        """Close the minutes that have passed, and tell of them; and of candidates, which do not wait for a minute."""
        analyzer = self.analyzer
        now = self.clock.now()
        if isinstance(analyzer, Analyzer):
            report = analyzer.report(now)
            if report is not None:
                self._tell(REPORT.encode(report))
            if isinstance(analyzer.knowledge, Replica) and (sightings := analyzer.knowledge.take_sightings()):
                self.send(Seen(sightings))
        elif analyzer.advance(now):
            self._tell(analyzer.dump())

    def follow(self, step: bytes) -> None:
        """Let the copy of the node's knowledge follow.

        Raises:
            ValueError: the step cannot be read.
        """
        if isinstance(self.analyzer, Analyzer):
            self.analyzer.follow(decode(step))

    def told(self, service_type: str) -> int:
        """Return how many instance-minutes of a type's model were not learnt here."""
        if not isinstance(self.analyzer, Analyzer):
            return 0
        found = self.analyzer.knowledge.types[service_type]
        return found.model.weight - found.own.total.weight

    def finish(self) -> None:
        """Hand over everything, the minute under way included; for the end of the process."""
        self.advance()
        analyzer = self.analyzer
        self._tell(REPORT.encode(analyzer.part()) if isinstance(analyzer, Analyzer) else analyzer.dump())

    def _tell(self, content: bytes) -> None:
        self.send(Minute(content))
