"""Keeps the Things of access points known: fetches their descriptions at the start and now and then.

What cannot be fetched or used changes nothing: the last that could be used stays, also over a restart. Descriptions
are the access point's word about itself, so a change that removes or re-types a Thing is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.trail import Notes
from proxy.clocks import real_now
from proxy.configuration import GatewayDocument, Tls
from proxy.decoders.rest.loading import packed
from proxy.decoders.rest.thing_description import Source
from proxy.decoders.rest.thing_forms import Place, path_of
from proxy.decoders.rest.things import Compiled, Described, ThingsError, changes, compile_things
from proxy.health import ThingsStatus
from proxy.inputs import StartRefused
from proxy.storage.things_store import KeptThings, ThingsStore
from proxy.thing_fetching import Fetched, FetchError, fetch
from proxy.thing_sources import files_of, place_of, urls_of

_PERIOD_SECONDS = 300.0
_FIRST_RETRY_SECONDS = 5.0
_START_SECONDS = 15.0
"""The start waits no longer: what is not known by then is learnt of in the background."""
_MOST_TOLD = 20

log = structlog.get_logger("alleyes")

Fetch = Callable[[str, Place, Tls | None], Fetched]


@dataclass
class _Point:
    """One access point, and what is known of its Things."""

    agent: str
    place: Place
    urls: Sequence[str]
    files: list[Source]
    kept: dict[str, KeptThings]
    things: tuple[Described, ...] = ()
    left_out: tuple[str, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
    """By URL why it was not renewed the last time."""
    failures: int = 0

    def compiled(self, kept: Mapping[str, KeptThings]) -> Compiled:
        """Return what the files and these documents come to.

        Raises:
            ThingsError: they cannot be used together.
        """
        fetched = [(url, Fetched(kept[url].documents, kept[url].listing)) for url in self.urls if url in kept]
        sources = self.files + [source for _, each in fetched for source in each.sources()]
        listings = [path_of(urlsplit(url)) for url, each in fetched if each.listing]
        return compile_things(sources, self.place, listings=listings)


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
        fetch: Fetch = fetch,
    ) -> None:
        """Begin with what was kept.

        Args:
            document: `gateway.yaml`.
            store: Where it is kept.
            replace: Called with the agent and the mapping of its Things, whenever that may be another one.
            notes: The audit log.
            real_now: Tells real time, seconds since the epoch.
            fetch: Gets what is at a URL; raises `FetchError`.

        Raises:
            ThingsError: a file cannot be read, or a URL is not one of the access point's.
        """
        self._tls = document.tls
        self._store = store
        self._replace = replace
        self._notes = notes
        self._real_now = real_now
        self._fetch = fetch
        kept = store.load()
        self._points = [
            _Point(point.agent, place_of(point), urls, files_of(point), _still_wanted(kept.get(point.agent, {}), urls))
            for point in document.access_points
            if (urls := urls_of(point))
        ]

    async def before_serving(self) -> None:
        """Fetch everything once, for a bounded time; what was kept is in force before."""
        for point in self._points:
            self._put_in_force(point, point.kept, first=True)
        if self._points:
            renewals = [asyncio.create_task(self._renew(point)) for point in self._points]
            await asyncio.wait(renewals, timeout=_START_SECONDS)

    async def forever(self) -> None:
        """Fetch again now and then, and sooner where that failed, until cancelled."""
        await asyncio.gather(*map(self._watch, self._points), asyncio.Event().wait())

    async def _watch(self, point: _Point) -> None:
        while True:
            retry = _FIRST_RETRY_SECONDS * 2.0 ** min(point.failures - 1, 10)
            await asyncio.sleep(min(_PERIOD_SECONDS, retry) if point.failures else _PERIOD_SECONDS)
            await self._renew(point)

    async def _renew(self, point: _Point) -> None:
        """Fetch the descriptions of one access point; each URL counts by itself."""
        problems: dict[str, str] = {}
        for url in point.urls:
            try:
                fetched = await asyncio.to_thread(self._fetch, url, point.place, self._tls)
                self._take(point, url, fetched)
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
        await self._keep()

    def _take(self, point: _Point, url: str, fetched: Fetched) -> None:
        new = KeptThings(self._real_now(), fetched.documents, fetched.listing)
        old = point.kept.get(url)
        if old is None or (old.documents, old.listing) != (new.documents, new.listing):
            self._compile(point, point.kept | {url: new})
        point.kept[url] = new

    def _put_in_force(self, point: _Point, kept: Mapping[str, KeptThings], *, first: bool) -> None:
        try:
            self._compile(point, kept, first=first)
        except ThingsError as error:
            # What was kept may be of an older version, or beside other files.
            point.kept.clear()
            point.problems = {point.urls[0]: error.problems[0]}
            self._compile(point, {}, first=first)

    def _compile(self, point: _Point, kept: Mapping[str, KeptThings], *, first: bool = False) -> None:
        compiled = point.compiled(kept)
        found = changes(point.things, compiled.things)
        point.things, point.left_out = compiled.things, compiled.problems
        self._replace(point.agent, packed(compiled.mapping))
        if found and not first:
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
        kept = {point.agent: dict(point.kept) for point in self._points}
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


def _still_wanted(kept: Mapping[str, KeptThings], urls: Sequence[str]) -> dict[str, KeptThings]:
    return {url: found for url, found in kept.items() if url in urls}


def thing_watch(document: GatewayDocument, replace: Callable[[str, bytes], None], notes: Notes) -> ThingWatch:
    """Return the watch of a gateway.

    Raises:
        StartRefused: with what is wrong with the files and URLs; they have changed since they were checked.
    """
    try:
        return ThingWatch(
            document, ThingsStore(document.state_directory), replace=replace, notes=notes, real_now=real_now
        )
    except ThingsError as error:
        raise StartRefused(error.problems) from error
