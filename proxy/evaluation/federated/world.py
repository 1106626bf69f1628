"""Sites and the service that federates them, moved on together in event time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from models.descriptor import MINUTE
from proxy.evaluation.exchange_clock import EXCHANGE
from proxy.evaluation.federated.service import Service
from proxy.evaluation.federated.site import Seen, Site

type Tick = Callable[[int], None]
"""Is told the event time, ms, after every exchange."""


class Volume(msgspec.Struct):
    """Bytes between one site and the service: bodies alone, without HTTP and TLS."""

    published: int = 0
    """Of contributions."""
    contributions: int = 0
    """How many there were."""
    largest: int = 0
    """The largest contribution."""
    told: int = 0
    """Of what the others know."""
    candidates: int = 0
    """Of candidates and acceptances, both ways."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.published + self.told + self.candidates


class World:
    """Runs sites, with a service between them or without one.

    As with the shipped client, candidates travel at each tick of ten seconds, and contributions once a minute; what
    others know is asked for when the service says that it changed, and adopted one tick after it was published.
    """

    def __init__(self, sites: Sequence[Site], service: Service | None, *, start: int) -> None:
        """Begin at an event time, ms."""
        self.sites = list(sites)
        self.service = service
        self.now = start
        self.volumes = {site.name: Volume() for site in sites}
        self._versions: dict[tuple[str, str], str] = {}
        self._last: dict[str, bytes] = {}

    def run(self, until: int, seen: Seen, tick: Tick = lambda _: None) -> None:
        """Let happen what happens before `until`, ms of event time."""
        while self.now < until:
            self.now = min(until, (self.now // EXCHANGE + 1) * EXCHANGE)
            for site in self.sites:
                site.play(self.now, seen)
                site.gateway.tick(self.now)
            if self.service is not None:
                self._exchange(self.service)
            tick(self.now)

    def _exchange(self, service: Service) -> None:
        heard = [site for site in self.sites if service.admits(site.name)]
        for site in heard:
            self._tell(service, site)
        if self.now % MINUTE == 0:
            for site in heard:
                self._publish(service, site)
        for site in heard:
            self._show(service, site)
        if accepted := list(service.decide(self.now)):
            size = len(msgspec.json.encode(accepted))
            for site in heard:
                self.volumes[site.name].candidates += size
                site.gateway.accept(accepted)
        if taken_back := service.taken_back():
            for site in heard:
                self.volumes[site.name].candidates += len(msgspec.json.encode(taken_back))
                site.gateway.withdraw(taken_back)

    def _publish(self, service: Service, site: Site) -> None:
        volume = self.volumes[site.name]
        for service_type, data in site.gateway.publish().items():
            service.put(site.name, service_type, data, self.now)
            volume.contributions += 1
            volume.published += len(data)
            volume.largest = max(volume.largest, len(data))

    def _show(self, service: Service, site: Site) -> None:
        showings = site.gateway.showings()
        service.show(site.name, showings)
        body = msgspec.json.encode(showings)
        if self._last.get(site.name) != body:  # what did not change is not sent again
            self._last[site.name] = body
            self.volumes[site.name].candidates += len(body)

    def _tell(self, service: Service, site: Site) -> None:
        site.gateway.hear()
        for service_type in service.types:
            name = site.name, service_type
            told = service.tell(site.name, service_type, self._versions.get(name))
            if told is not None:
                self._versions[name] = told.version
                self.volumes[site.name].told += len(told.data)
                site.gateway.adopt(service_type, told.data, self.now)
