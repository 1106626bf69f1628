"""Whether faults leave a trace: the same contributions over good links and bad ones, from node to site to global level.

Nodes learn alone here, as in learn mode: what they learn must not depend on what they are told in time, so that it is
the sums alone that are compared. At the end the links hold, and everybody tells the newest state once more, as the
outbox of a real client does.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from models.analyzer import Analyzer
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import decode_contribution, decode_others, encode_contribution, encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others, Shared
from models.federated import Federated
from models.node import Node
from models.simulation.floorplan import Floorplan
from models.simulation.scenario import START
from models.simulation.sites import make_sites
from models.simulation.trace import Trace
from proxy.evaluation.federated.links import FAIR, Faults, Link, Weather

NODES = 2
"""Gateways of one site: each has half of its agents."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated."""

    sites: int = 4
    minutes: int = 60
    seeds: int = 5


class Outcome(msgspec.Struct, kw_only=True):
    """One run."""

    seed: int | None
    """Of the faults; None: without any."""
    models: int
    """How many were compared."""
    digests: dict[str, str]
    """Of the models of all types as scored, by node."""
    faults: Faults

    @property
    def digest(self) -> str:
        """Of the digests of all nodes."""
        return hashlib.blake2b(repr(sorted(self.digests.items())).encode(), digest_size=8).hexdigest()


class Partition(msgspec.Struct, kw_only=True):
    """Everything that came of it."""

    size: Size
    models: int
    """Models that were compared, in each run: of every type at every node."""
    outcomes: list[Outcome]

    @property
    def identical(self) -> bool:
        """Whether all runs ended with the same models, to the last bit."""
        return len({tuple(sorted(each.digests.items())) for each in self.outcomes}) == 1


class _Message(NamedTuple):
    origin: str
    service_type: str
    data: bytes


def partition(seed: int, size: Size, weather: Weather | None = None) -> Partition:
    """Run it without faults, and with those of several seeds."""
    recorded = _recorded(seed, size)
    outcomes = [_run(recorded, FAIR, None)]
    outcomes += [_run(recorded, weather or Weather(), each) for each in range(seed, seed + size.seeds)]
    return Partition(size=size, models=sum(each.models for each in outcomes) // len(outcomes), outcomes=outcomes)


class _Recording(NamedTuple):
    """What a node learnt."""

    name: str
    site: str
    messages: list[list[_Message]]
    """What it publishes, by minute."""
    state: bytes
    """All of it (`Analyzer.dump`)."""


def _recorded(seed: int, size: Size) -> list[_Recording]:
    found = []
    for number, floorplan in enumerate(make_sites(size.sites, seed), 1):
        found += list(_site(f"site{number}", floorplan, seed, size.minutes))
    return found


def _site(name: str, floorplan: Floorplan, seed: int, minutes: int) -> Iterator[_Recording]:
    trace = Trace(floorplan, seed=seed, start=START)
    analyzers = [Analyzer() for _ in range(NODES)]
    messages: list[list[list[_Message]]] = [[] for _ in analyzers]
    place = {agent: index % NODES for index, agent in enumerate(floorplan.agents)}
    names = [f"{name}.node{index + 1}" for index in range(NODES)]
    for minute in range(1, minutes + 1):
        for observed in trace.until(START + minute * MINUTE):
            access = observed.access
            analyzer = analyzers[place[access.source.split("/")[1]]]
            analyzer.score(access)
            analyzer.learn(access)
        for index, analyzer in enumerate(analyzers):
            analyzer.advance(START + minute * MINUTE)
            messages[index].append(
                [
                    _Message(names[index], model.service_type, _encoded(minute, model))
                    for model in analyzer.models().values()
                ]
            )
    for index, analyzer in enumerate(analyzers):
        yield _Recording(names[index], name, messages[index], analyzer.dump())


def _encoded(sequence: int, model: CommunicationModel) -> bytes:
    return encode_contribution(Contribution(epoch=1, sequence=sequence, model=model))


class _Level:
    """A service: pools in memory, and what it stored before it said so."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, str], bytes] = {}
        self._pools: dict[str, Pool] = {}

    def put(self, message: _Message, now: int) -> None:
        contribution = decode_contribution(message.service_type, message.data, now_minute=START // MINUTE + now)
        if self._pool(message.service_type).put(message.origin, contribution):
            self._stored[message.origin, message.service_type] = message.data

    def restart(self, now: int) -> None:
        """Lose what is in memory, and begin with what was stored."""
        self._pools.clear()
        stored, self._stored = self._stored, {}
        for (origin, service_type), data in stored.items():
            self.put(_Message(origin, service_type, data), now)

    def without(self, origin: str, service_type: str) -> Shared | None:
        pool = self._pools.get(service_type)
        shared = None if pool is None else pool.without(origin)
        return shared if shared is not None and shared.origins else None

    def sums(self) -> Iterator[CommunicationModel]:
        for pool in self._pools.values():
            yield pool.total

    @property
    def types(self) -> Sequence[str]:
        return tuple(self._pools)

    def _pool(self, service_type: str) -> Pool:
        found = self._pools.get(service_type)
        if found is None:
            found = self._pools[service_type] = Pool(service_type)
        return found


class _Network:
    """The services of all sites and the global one, with a link from each node and each site upwards."""

    def __init__(self, recorded: Sequence[_Recording], weather: Weather, seed: int | None) -> None:
        self.faults = Faults()
        self._weather = weather
        self._source = random.Random(f"{seed} restarts")  # noqa: S311 -- repeatable, nothing secret comes from it
        self._nodes = {each.name: self._link(f"{seed} {each.name}") for each in recorded}
        self.sites = {each.site: _Level() for each in recorded}
        self._uplinks = {name: self._link(f"{seed} {name}") for name in self.sites}
        self.top = _Level()

    def minute(self, now: int, published: Sequence[tuple[_Recording, Sequence[_Message]]], *, sure: bool) -> None:
        """Let a minute pass.

        Args:
            now: Minutes since the beginning.
            published: What each node tells its site.
            sure: Whether it arrives whatever the weather, after what was under way.
        """
        for each, messages in published:
            link = self._nodes[each.name]
            self._pass(link, messages, self.sites[each.site], now, sure=sure)
        for name, level in self.sites.items():
            self._restart(level, now)
            told = [_Message(name, model.service_type, _encoded(now, model)) for model in level.sums()]
            self._pass(self._uplinks[name], told, self.top, now, sure=sure)
        self._restart(self.top, now)

    def _pass(self, link: Link[_Message], messages: Sequence[_Message], to: _Level, now: int, *, sure: bool) -> None:
        if not sure:
            for message in messages:
                link.send(message, now)
        for message in link.arrived(now):
            to.put(message, now)
        if sure:
            for message in messages:
                to.put(message, now)

    def _link(self, seed: str) -> Link[_Message]:
        return Link(self._weather, seed, self.faults)

    def _restart(self, level: _Level, now: int) -> None:
        if self._source.random() < self._weather.restart:
            self.faults.restarts += 1
            level.restart(now)


def _run(recorded: Sequence[_Recording], weather: Weather, seed: int | None) -> Outcome:
    network = _Network(recorded, weather, seed)
    last = len(recorded[0].messages)
    for now in range(1, last + 1):
        network.minute(now, [(each, each.messages[now - 1]) for each in recorded], sure=False)
    # Whatever is still under way, or comes again, arrives after the newest state, and must change nothing.
    network.minute(last + 1, [(each, each.messages[-1]) for each in recorded], sure=True)
    for now in range(last + 2, last + 2 + 5 * weather.longest_delay):
        network.minute(now, [(each, ()) for each in recorded], sure=True)
    models = 0
    digests = {}
    for each in recorded:
        known = _told(network, each, last)
        models += len(known)
        digests[each.name] = digest(known.values())
    return Outcome(seed=seed, models=models, digests=digests, faults=network.faults)


def _told(network: _Network, recording: _Recording, now: int) -> dict[str, Federated]:
    """Return what a node knows once it was told, in real bytes, what the others do."""
    node = Node(recording.state)
    site, top = network.sites[recording.site], network.top
    for service_type in sorted({*site.types, *top.types}):
        others = Others(
            site=site.without(recording.name, service_type), elsewhere=top.without(recording.site, service_type)
        )
        data = encode_others(others)
        node.adopt(service_type, decode_others(service_type, data, now_minute=START // MINUTE + now))
    return dict(node.knowledge.types)


def digest(known: Iterable[Federated]) -> str:
    """Return a hash of models, with their sites and supporters, that depends on nothing else."""
    hashed = hashlib.blake2b(digest_size=16)
    for each in sorted(known, key=lambda each: each.model.service_type):
        hashed.update(repr((_plain(each.model), each.sites, sorted(each.supporters.items()))).encode())
    return hashed.hexdigest()


def _plain(value: object) -> object:
    """Return sums as numbers in a fixed order."""
    match value:
        case ClusteringFeature():
            return value.sums
        case msgspec.Struct():
            return [(name, _plain(getattr(value, name))) for name in value.__struct_fields__]
        case Mapping():
            return [(key, _plain(each)) for key, each in sorted(value.items())]
    return value
