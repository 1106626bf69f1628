"""Which Thing has which service name: none is taken from the Thing that had it first.

Descriptions say what they like of their titles and ids. Those of files come first, in the order of the configuration;
then those that are known from before, by the paths, id and title that they had; then the rest, in order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from proxy.decoders.rest.thing_claims import Path, canonical
from proxy.decoders.rest.thing_description import Source, Thing
from proxy.thing_sighting import Sighting

FORGOTTEN_SECONDS = 30 * 86_400.0
"""Name and paths of a Thing that is gone belong to it for so long."""
_MOST_GONE = 1024
_MOST_PATHS_GONE = 8192
"""Of those that are gone, together; beyond that, who has been gone for longest is forgotten first."""
_MOST_PATHS = 512
"""That are remembered of one Thing."""
_DIGITS = 8


def sighted(named: Named, own: Iterable[Path]) -> Sighting:
    """Return what to remember of a Thing that is in force.

    Args:
        named: The Thing.
        own: Those of its claims that are its own.
    """
    thing = named.thing
    paths = tuple(["/" + "/".join(path) for path in own][:_MOST_PATHS])
    return Sighting(named.service, thing.id, thing.title, paths, _digest(thing))


def sighted_paths(sighting: Sighting) -> list[Path]:
    """Return the paths of a Thing that was seen, as paths are compared."""
    return [canonical(path.split("/")) for path in sighting.paths]


def claimed(thing: Thing, described_at: Path | None) -> tuple[Path, ...]:
    """Return every path that a Thing speaks of, that of its description first."""
    own = () if described_at is None else (canonical(described_at),)
    return tuple(dict.fromkeys((*own, *thing.claims)))


def _digest(thing: Thing) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(thing)).hexdigest()


class Named(msgspec.Struct, frozen=True):
    """A Thing with its name."""

    service: str
    source: Source
    thing: Thing
    known: bool
    """It had this name before."""
    described_at: tuple[str, ...] | None
    """The path of its description, where that is a document of its own that was fetched."""


class Names(msgspec.Struct, frozen=True):
    """Who is called what."""

    named: tuple[Named, ...]
    """In the order in which paths are claimed."""
    gone: tuple[Sighting, ...]
    """Those whose name and paths wait for them."""
    refused: tuple[str, ...]
    """Who claims what belongs to another one; one line each."""


class _Taken:
    """Names and ids, and whose they are in words."""

    def __init__(self) -> None:
        self.services: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    def take(self, service: str, own: str, words: str) -> None:
        self.services[service] = words
        if own:
            self.ids[own] = words

    def name_for(self, thing: Thing) -> str | None:
        """Return a name that is free: the title, or that with digits of the id; None where there is none."""
        if thing.id and thing.id in self.ids:
            return None
        name = thing.name
        if name in self.services and thing.id:
            name = f"{name}-{hashlib.sha256(thing.id.encode()).hexdigest()[:_DIGITS]}"
        return None if name in self.services else name

    def holder(self, thing: Thing) -> str:
        return self.ids.get(thing.id) or self.services[thing.name]


def name_things(things: Sequence[tuple[Source, Thing]], sightings: Sequence[Sighting], now: float) -> Names:
    """Give each Thing a name; work is linear in descriptions and sightings.

    Args:
        things: With their documents, in the order of the configuration.
        sightings: Of those that were fetched before.
        now: Real time, seconds.
    """
    taken = _Taken()
    named: list[Named] = []
    refused: list[str] = []

    together = Counter(source for source, _ in things)

    def described_at(source: Source) -> tuple[str, ...] | None:
        return source.path if together[source] == 1 else None

    def settle(pairs: Sequence[tuple[Source, Thing]]) -> None:
        for source, thing in pairs:
            service = taken.name_for(thing)
            if service is None:
                refused.append(
                    f"{source.name}: {thing.title!r} claims the name or the id of {taken.holder(thing)}"
                    " -- give it another title and id, or give its description as a file, which comes first"
                )
            else:
                named.append(Named(service, source, thing, known=False, described_at=described_at(source)))
                taken.take(service, thing.id, f"{thing.title!r} ({source.name})")

    settle([(source, thing) for source, thing in things if source.path is None])
    fetched = [(source, thing) for source, thing in things if source.path is not None]
    waiting = [each for each in sightings if each.service not in taken.services and each.id not in taken.ids]
    known, gone = _known([(thing, claimed(thing, described_at(source))) for source, thing in fetched], waiting)
    for i, sighting in known.items():
        source, thing = fetched[i]
        named.append(Named(sighting.service, source, thing, known=True, described_at=described_at(source)))
        taken.take(sighting.service, thing.id, f"{thing.title!r} ({source.name})")
    gone = _remembered(gone, now)
    for sighting in gone:
        taken.take(sighting.service, sighting.id, f"{sighting.title!r}, which is gone")
    settle([pair for i, pair in enumerate(fetched) if i not in known])
    return Names(tuple(named), tuple(gone), tuple(refused))


def _known(
    things: Sequence[tuple[Thing, tuple[Path, ...]]], sightings: Sequence[Sighting]
) -> tuple[dict[int, Sighting], list[Sighting]]:
    """Return by index which Thing is one that was seen before, and those that are not there."""
    with_path: dict[Path, list[int]] = {}
    with_id: dict[str, list[int]] = {}
    for i, (thing, paths) in enumerate(things):
        for path in paths:
            with_path.setdefault(path, []).append(i)
        if thing.id:
            with_id.setdefault(thing.id, []).append(i)
    known: dict[int, Sighting] = {}
    gone: list[Sighting] = []
    for sighting in sightings:
        shared = Counter(i for path in sighted_paths(sighting) for i in with_path.get(path, ()))
        best, highest = None, (0, 0)
        for i in sorted({*shared, *with_id.get(sighting.id, ())} - known.keys()):
            likeness = _likeness(things[i][0], sighting, shared[i])
            if likeness[0] and likeness > highest:
                best, highest = i, likeness
        if best is None:
            gone.append(sighting)
        else:
            known[best] = sighting
    return known, gone


def _likeness(thing: Thing, sighting: Sighting, shared_paths: int) -> tuple[int, int]:
    """Return how sure it is that a Thing is one that was seen before; the first is 0 where it is not."""
    same_id = bool(sighting.id) and thing.id == sighting.id
    if not shared_paths:
        return int(same_id), 0
    if not same_id:
        return (2 if thing.title == sighting.title else 0), shared_paths
    # Another one may write the same of itself, and come first; the one that has not changed is the one.
    return (4 if _digest(thing) == sighting.digest else 3), shared_paths


def _remembered(gone: Sequence[Sighting], now: float) -> list[Sighting]:
    """Return those that are not forgotten yet, with the time since when they are gone."""
    since = [each if each.gone is not None else msgspec.structs.replace(each, gone=now) for each in gone]
    latest = sorted(since, key=lambda each: -(each.gone or 0.0))[:_MOST_GONE]
    found: list[Sighting] = []
    paths = 0
    for each in latest:
        paths += len(each.paths)
        if paths > _MOST_PATHS_GONE or now - (each.gone or 0.0) > FORGOTTEN_SECONDS:
            break
        found.append(each)
    return found
