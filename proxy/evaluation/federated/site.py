"""A simulated site with a gateway: what happens there, and how its gateway judges it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.descriptor import MINUTE
from models.simulation.floorplan import Floorplan, Service
from models.simulation.intrusion import SECOND, Intrusion
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER, MODELS, MOVEMENT_SENSOR
from models.simulation.step import Step
from models.simulation.tempo import DATA_SET, Tempo
from models.simulation.trace import Observed, Trace
from policy.document import ModeSetting
from policy.verdict import Verdict
from proxy.evaluation.federated.gateway import Gateway

LABEL = "subverted"
HOUR = 60 * MINUTE
SPACING = 15 * SECOND
"""Milliseconds between two unusual calls of one subverted light controller."""

type Floorplans = Callable[[int, int], Sequence[Floorplan]]
"""(number, seed) -> floor plans of that many sites."""
type Seen = Callable[[Site, Observed, Verdict], None]
"""Is told of every access and what became of it."""


class Site:
    """One site. Times are event time in ms."""

    def __init__(
        self, name: str, floorplan: Floorplan, *, seed: int, start: int = START, tempo: Tempo = DATA_SET
    ) -> None:
        """Set a site up whose services begin to register at `start`."""
        self.name = name
        self.floorplan = floorplan
        self.start = start
        self._trace = Trace(floorplan, seed=seed, start=start, tempo=tempo)
        self._alone = Analyzer()
        self._learnt = start
        self._gateway: Gateway | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway in front of the site.

        Raises:
            RuntimeError: there is none yet.
        """
        if self._gateway is None:
            raise RuntimeError(f"site {self.name} has no gateway yet")
        return self._gateway

    @property
    def controllers(self) -> tuple[Service, ...]:
        """Its light controllers."""
        return self.floorplan.of_type(LIGHT_CONTROLLER)

    def learn(self, until: int) -> Analyzer:
        """Let a gateway learn alone all that happens before `until`, and return what it knows then.

        Cheaper than a federated one, with the same models: nobody else is asked, so nothing is told and adopted.
        """
        analyzer = self._alone
        while self._learnt < until:
            self._learnt = min(until, self._learnt + MINUTE)
            for observed in self._trace.until(self._learnt):
                analyzer.score(observed.access)
                analyzer.learn(observed.access)
            analyzer.advance(self._learnt)
        return analyzer

    def protect(self, mode: ModeSetting, *, federated: bool) -> None:
        """Put a gateway in front of it, which begins with what was learnt (`learn`), or with nothing."""
        state = self._alone.dump() if self._learnt > self.start else None
        self._gateway = Gateway(state, mode=mode, federated=federated)

    def happenings(self, until: int) -> list[Observed]:
        """Let happen what happens before `until`, with nobody to judge it."""
        return list(self._trace.until(until))

    def play(self, until: int, seen: Seen) -> None:
        """Let happen, and be judged, what happens before `until`."""
        judge = self.gateway.judge
        for observed in self._trace.until(until):
            seen(self, observed, judge(observed.access))

    def subvert(self, start: int, lasting: int, *, controllers: int | None = None) -> None:
        """Let light controllers, all if no number is given, write their movement sensors from `start` on.

        They never do that otherwise: they read them. Whoever writes there decides when the lights go on.
        """
        for place, controller in enumerate(self.controllers[:controllers]):
            offset = place * SECOND
            steps = tuple(
                Step(time, Operation.SET, self.sensor(controller), "1") for time in range(offset, lasting, SPACING)
            )
            self._trace.intrude(Intrusion(label=LABEL, attacker=controller, steps=steps), start)

    def flood(self, start: int, lasting: int, *, times: float, controllers: int | None = None) -> None:
        """Let light controllers look so many more times than usual at what they always look at."""
        spacing = DATA_SET.cycle / times
        count = round(lasting / spacing)
        for controller in self.controllers[:controllers]:
            node = self.sensor(controller)
            steps = tuple(Step(round(each * spacing), Operation.GET, node) for each in range(count))
            self._trace.intrude(Intrusion(label=LABEL, attacker=controller, steps=steps), start)

    def intrude(self, intrusion: Intrusion, start: int) -> None:
        """Let an attack begin."""
        self._trace.intrude(intrusion, start)

    def sensor(self, controller: Service) -> str:
        """Return the node of a light controller's movement sensor."""
        return f"{self.floorplan.partners(controller, MOVEMENT_SENSOR)[0]}/movement"

    def unusual(self, time: int) -> Access:
        """Return the access with which subverted light controllers do harm (`subvert`), by the first of them."""
        controller = self.controllers[0]
        sensor = self.floorplan.owner(self.sensor(controller))
        return Access(
            time=time,
            source=controller.address,
            source_type=controller.type,
            source_location=controller.location,
            destination=sensor.address,
            destination_type=sensor.type,
            destination_location=sensor.location,
            node=self.sensor(controller),
            operation=Operation.SET,
            data_type=MODELS[MOVEMENT_SENSOR].children["movement"].types[0],
            value="1",
        )
