"""Keeps the Things of access points known: fetches their descriptions at the start and now and then.

What cannot be fetched or used changes nothing: the last that could be used stays, also over a restart. Descriptions
are the access point's word about itself, so a change that removes or re-types a Thing is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import structlog

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.trail import Notes
from proxy.clocks import real_now
from proxy.configuration import AccessPoint, GatewayDocument
from proxy.daemon_threads import DaemonThreads
from proxy.decoders.rest.loading import packed
from proxy.decoders.rest.thing_description import DescriptionError, Source, read_source
from proxy.decoders.rest.thing_forms import Place, path_of
from proxy.decoders.rest.things import Compiled, Described, ThingsError, changes, compile_things
from proxy.health import ThingsStatus
from proxy.inputs import StartRefused
from proxy.revocation import RevocationsInForce
from proxy.storage.things_store import KeptPoint, KeptThings, ThingsStore
from proxy.thing_fetching import Fetched, FetchError, Trust, fetch
from proxy.thing_sighting import Sighting
from proxy.thing_sources import files_of, place_of, trust_of, urls_of

_PERIOD_SECONDS = 300.0
_LONGEST_PERIOD_SECONDS = 3600.0
"""Of an access point whose descriptions are others each time: what comes into force cuts its connections."""
_QUIET = 2
"""So much unrest is that of a device that was changed: a renewal that changes something adds two, others take one."""
_MOST_UNREST = 12
_MOST_THREADS = 4
_FIRST_RETRY_SECONDS = 5.0
_START_SECONDS = 15.0
"""The start waits no longer: what is not known by then is learnt of in the background."""
_MOST_TOLD = 20

log = structlog.get_logger("alleyes")

Fetch = Callable[[str, Place, Trust | None], Fetched]


@dataclass
class _Point:
    """One access point, and what is known of its Things."""

    point: AccessPoint
    place: Place
    trust: Trust | None
    urls: Sequence[str]
    files: list[Source]
    kept: dict[str, KeptThings]
    sightings: tuple[Sighting, ...] = ()
    """Who has which name and paths; they are the same over a restart."""
    things: tuple[Described, ...] = ()
    refused: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
    """By URL why it was not renewed the last time."""
    failures: int = 0
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    mapping: bytes = b""
    """What is in force."""
    unrest: int = 0
    """Grows with each renewal that changes the mapping."""

    @property
    def agent(self) -> str:
        """Its name."""
        return self.point.agent

    def pause(self) -> float:
        """Return after how many seconds it should be renewed."""
        period = _PERIOD_SECONDS * 2.0 ** max(0, (self.unrest - 1) // 2)
        if self.failures and self.unrest <= _QUIET:
            return min(_PERIOD_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** min(self.failures - 1, 10))
        return min(period, _LONGEST_PERIOD_SECONDS)

    def compiled(self, kept: Mapping[str, KeptThings], now: float) -> Compiled:
        """Return what the files and these documents come to.

        Raises:
            ThingsError: no mapping comes of them.
        """
        fetched = [(url, Fetched(kept[url].documents, kept[url].listing)) for url in self.urls if url in kept]
        sources = self.files + [source for _, each in fetched for source in each.sources()]
        listings = [path_of(urlsplit(url)) for url, each in fetched if each.listing]
        return compile_things(sources, self.place, listings=listings, sightings=self.sightings, now=now)


class ThingWatch:
    """For the event loop's thread; networks and disks are waited for in another."""

    def __init__(
        self,
        document: GatewayDocument,
        store: ThingsStore,
        *,
        replace: Callable[[str, bytes], None],
        notes: Notes,
        real_now: Callable[[], float],
        revocations: RevocationsInForce,
        fetch: Fetch = fetch,
    ) -> None:
        """Begin with what was kept.

        Args:
            document: `gateway.yaml`.
            store: Where it is kept.
            replace: Called with the agent and the mapping of its Things, whenever that may be another one.
            notes: The audit log.
            real_now: Tells real time, seconds since the epoch.
            revocations: Certificates that are good no more, at any time.
            fetch: Gets what is at a URL; raises `FetchError`.

        Raises:
            ThingsError: a file cannot be read, or a URL is not one of the access point's.
        """
        self._store = store
        self._replace = replace
        self._notes = notes
        self._real_now = real_now
        self._fetch = fetch
        self._threads = DaemonThreads(_MOST_THREADS, "things")
        kept = store.load()
        self._points = [
            _begin(point, urls, kept.get(point.agent, KeptPoint()), trust_of(point, revocations))
            for point in document.access_points
            if (urls := urls_of(point))
        ]

    async def before_serving(self) -> None:
        """Fetch everything once, for a bounded time; what was kept is in force before."""
        for point in self._points:
            self._put_in_force(point, point.kept)
        if self._points:
            renewals = [asyncio.create_task(self._renew(point)) for point in self._points]
            await asyncio.wait(renewals, timeout=_START_SECONDS)

    async def forever(self) -> None:
        """Fetch again now and then, and sooner where that failed, until cancelled."""
        await asyncio.gather(*map(self._watch, self._points), asyncio.Event().wait())

    async def reload(self, *, files: bool) -> None:
        """Fetch everything again now; read the files again too, unless something is wrong with any configuration."""
        await asyncio.gather(*(self._reload(point, files=files) for point in self._points))

    async def _reload(self, point: _Point, *, files: bool) -> None:
        if files:
            async with point.one_at_a_time:
                await self._read_files(point)
        await self._renew(point)

    async def _read_files(self, point: _Point) -> None:
        before = point.files
        try:
            point.files = await asyncio.to_thread(files_of, point.point)
            if point.files != before:
                self._put(point, await asyncio.to_thread(point.compiled, point.kept, self._real_now()))
        except ThingsError as error:
            point.files = before
            log.warning("things", agent=point.agent, detail=error.problems[0])
            self._note(point, f"The Thing Descriptions of {point.agent} were not read again: {error.problems[0]}.")

    async def _watch(self, point: _Point) -> None:
        while True:
            await asyncio.sleep(point.pause())
            await self._renew(point)

    async def _renew(self, point: _Point) -> None:
        """Fetch the descriptions of one access point; each URL counts by itself."""
        async with point.one_at_a_time:
            await self._fetch_all(point)

    async def _fetch_all(self, point: _Point) -> None:
        problems: dict[str, str] = {}
        before = point.mapping
        for url in point.urls:
            try:
                fetched = await self._threads.run(partial(self._fetch, url, point.place, point.trust))
                problem = await self._take(point, url, fetched)
                if problem:
                    problems[url] = problem
            except FetchError as error:
                problems[url] = str(error)
            except ThingsError as error:
                problems[url] = f"cannot be used, what was known before stays: {error.problems[0]}"
        for url, problem in problems.items():
            if point.problems.get(url) != problem:
                log.warning("things", agent=point.agent, detail=problem)
                self._note(point, f"The Thing Descriptions of {point.agent} were not renewed: {problem}.")
        point.problems = problems
        point.failures = point.failures + 1 if problems else 0
        point.unrest = min(point.unrest + 2, _MOST_UNREST) if point.mapping != before else max(0, point.unrest - 1)
        await self._keep()

    async def _take(self, point: _Point, url: str, fetched: Fetched) -> str | None:
        """Put what was fetched in force; return what of it is no description: there the last good one stays.

        Raises:
            ThingsError: no mapping comes of it.
        """
        old = point.kept.get(url)
        before: Mapping[str, bytes] = {} if old is None else old.documents
        if old is not None and (before, old.listing) == (fetched.documents, fetched.listing):
            point.kept[url] = KeptThings(self._real_now(), before, old.listing)
            return None
        reasons = await asyncio.to_thread(_unusable, fetched, before, point.place)
        documents = {
            each: before.get(each, b"") if each in reasons else content for each, content in fetched.documents.items()
        }
        usable = {each: content for each, content in documents.items() if content}
        new = KeptThings(self._real_now(), usable, fetched.listing)
        kept = point.kept | {url: new}
        self._put(point, await asyncio.to_thread(point.compiled, kept, self._real_now()))
        point.kept[url] = new
        return next(iter(reasons.values()), None)

    def _put_in_force(self, point: _Point, kept: Mapping[str, KeptThings]) -> None:
        try:
            self._put(point, point.compiled(kept, self._real_now()))
        except ThingsError as error:
            # What was kept may be of an older version, or beside other files.
            point.kept.clear()
            point.problems = {point.urls[0]: error.problems[0]}
            self._put(point, point.compiled({}, self._real_now()))

    def _put(self, point: _Point, compiled: Compiled) -> None:
        # Of nothing that was known there is no change: what is known at the start is in the status.
        found = changes(point.things, compiled.things) if point.things else []
        dropped = [line for line in compiled.refused if line not in point.refused]
        point.things, point.refused, point.left_out = compiled.things, compiled.refused, compiled.problems
        point.sightings = compiled.sightings
        point.mapping = packed(compiled.mapping)
        self._replace(point.agent, point.mapping)
        for line in dropped[:_MOST_TOLD]:
            log.warning("things", agent=point.agent, detail=line)
            self._note(point, f"A Thing Description of {point.agent} is not used: {line}.")
        if found:
            told = found[:_MOST_TOLD] + ([f"and {len(found) - _MOST_TOLD} more"] if len(found) > _MOST_TOLD else [])
            log.warning("things", agent=point.agent, changes=told)
            self._note(point, f"Other Thing Descriptions of {point.agent} are in force: {'; '.join(told)}.")

    def _note(self, point: _Point, sentence: str) -> None:
        try:
            self._notes.note(Kind.THINGS, sentence, agent=point.agent, things=[each.service for each in point.things])
        except JournalError as error:
            # A log that takes no more must not end who keeps the descriptions.
            log.error("not recorded", detail=sentence, reason=str(error))

    async def _keep(self) -> None:
        kept = {point.agent: KeptPoint(dict(point.kept), point.sightings) for point in self._points}
        try:
            await asyncio.to_thread(self._store.save, kept)
        except OSError as error:
            log.error("the Thing Descriptions were not stored", detail=str(error))

    def status(self) -> dict[str, ThingsStatus]:
        """Return what an operator should know, by agent."""
        return {
            point.agent: ThingsStatus(
                things=len(point.things),
                fetched=min((kept.fetched for kept in point.kept.values()), default=None),
                problems=[*point.problems.values(), *point.left_out],
            )
            for point in self._points
        }


def _unusable(fetched: Fetched, before: Mapping[str, bytes], place: Place) -> dict[str, str]:
    """Return by URL why a document that is new describes no Thing at all."""
    found: dict[str, str] = {}
    for source in fetched.sources():
        if before.get(source.name) == source.content:
            continue
        try:
            read = read_source(source, place)
            problem = None if read.things else read.broken[0]
        except DescriptionError as error:
            problem = str(error)
        if problem is not None:
            found[source.name] = f"{source.name} cannot be used, what was known before stays: {problem}"
    return found


def _begin(point: AccessPoint, urls: Sequence[str], known: KeptPoint, trust: Trust | None) -> _Point:
    kept = {url: found for url, found in known.urls.items() if url in urls}
    return _Point(point, place_of(point), trust, urls, files_of(point), kept, tuple(known.sightings))


def thing_watch(
    document: GatewayDocument,
    replace: Callable[[str, bytes], None],
    notes: Notes,
    revocations: RevocationsInForce,
) -> ThingWatch:
    """Return the watch of a gateway.

    Raises:
        StartRefused: with what is wrong with the files and URLs; they have changed since they were checked.
    """
    try:
        return ThingWatch(
            document,
            ThingsStore(document.state_directory),
            replace=replace,
            notes=notes,
            real_now=real_now,
            revocations=revocations,
        )
    except ThingsError as error:
        raise StartRefused(error.problems) from error
