"""Learns from the service what the others contributed, and what was accepted; checks all of it before it is adopted.

What cannot be adopted changes nothing: the last good model stays in force, and the reason is kept for whoever asks.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from models.allowance import OF_ONE, cut, size
from models.candidates import QUORUM
from models.descriptor import MINUTE
from models.exchange.envelope import MAX_OTHERS_BYTES, BadContribution, decode_others
from models.exchange.names import names_a_type
from models.exchange.shared import Others
from models.knowledge import MAX_MODELS
from proxy.federation.client.connection import Answer, AnswerError, Connection, ServiceError
from proxy.federation.client.database import Disk
from proxy.federation.client.ends import Sink, Source
from proxy.federation.client.outbox import Outbox
from proxy.federation.client.pace import LEAST_SECONDS, Pace, Patience
from proxy.federation.client.state import AdoptedModel
from proxy.federation.client.versions import Told, UnknownVersionError, Versions, name_of
from proxy.federation.messages import OTHERS, ModelEntry, ModelList

_LARGEST_LIST = 2 * 1024 * 1024
_LONGEST_VERSION = 256
_RETRY_SECONDS = 600.0
"""After which what was of no use is asked for again, though the service says that it has not changed."""
GRACE = 24 * 3600.0
"""Seconds of real time for which what is in force stays so although the service has nothing of it any more: it may have
lost its disk, and is told everything again meanwhile."""
_AGAIN_SECONDS = 600.0
"""After which everything is told again at the earliest, if the service seems to have lost it once more."""
_PAUSE_SECONDS = 0.05
"""Real time between two adoptions: each takes the loops of the node and its workers for milliseconds."""
_UNCHANGED = 304
_GONE = 404


class _Useless(NamedTuple):
    """What was told of a service type and cannot be adopted."""

    listed: str
    until: float
    """Reading of the loop's clock, s, until which it is not asked for again."""


class ModelReader:
    """Keeps what the others know up to date. For the event loop's thread; disks are waited for in another."""

    def __init__(
        self, source: Source, sink: Sink, disk: Disk, connection: Connection, real_now: Callable[[], float]
    ) -> None:
        self._source = source
        self._sink = sink
        self._disk = disk
        self._connection = connection
        self._real_now = real_now
        self._pace = Pace(source.now)
        self._patience = Patience(source.now)
        self._etag = ""
        self._listed: list[ModelEntry] = []
        self._behind = True
        """Whether not all that was listed has been dealt with, or the last attempt failed: then the service is not
        asked to wait, since its answer ends the trouble."""
        self._useless: dict[str, _Useless] = {}
        self._missing: dict[str, float] = {}
        """Real time since when the service has had nothing of a type that is in force."""
        self._told_again: float | None = None
        self._own: set[str] = set()
        """Types that lived here when all that was listed was dealt with."""
        self.in_force: dict[str, AdoptedModel] = {}
        """What is in force, by service type."""
        self.refused: dict[str, str] = {}
        """Why what was told of a service type was not adopted."""
        self.cut: dict[str, str] = {}
        """What of a service type in force there is no room for."""
        self.heard = 0.0
        """Real time when the service last told the newest, or that there is nothing newer."""

    async def begin(self) -> None:
        """Adopt what was in force before a restart.

        Raises:
            DiskError: the disk refuses.
        """
        await self.look()
        lost: dict[str, str] = {}
        for each in await self._disk.run(lambda database: Versions(database).in_force()):
            try:
                await self._adopt_stored(each.service_type, each.name)
            except UnknownVersionError as error:
                await self._lose(each.service_type, each.name)
                lost[each.service_type] = str(error)
        self._own = self._living()
        self.refused |= lost
        await self.look()

    async def look(self) -> None:
        """See what is in force, after a change.

        Raises:
            DiskError: the disk refuses.
        """
        found = await self._disk.run(lambda database: Versions(database).in_force())
        self.in_force = {each.service_type: each.model for each in found}
        self.cut = {name: text for name, text in self.cut.items() if name in self.in_force}

    async def read(self) -> None:
        """Ask what is new, adopt it, and wait until the next minute of event time if there was something.

        Raises:
            ServiceError: the service was not reached, or does not tell.
            DiskError: the disk refuses.
        """
        minute = self._pace.minute
        behind = self._behind or self._due()
        wait = 0 if self._behind or not self._etag else self._patience.seconds()
        self._behind = True
        news = await self._list(wait)
        # What begins to live here has another place than before, also where the service has nothing new of it.
        changed = await self._catch_up() if news or behind or not self._living() <= self._own else False
        self._behind = False
        self.heard = self._real_now()
        self._sink.heard()
        if changed:
            await self._pace.minute_after(minute)
        else:
            await asyncio.sleep(LEAST_SECONDS)

    async def _list(self, wait: int) -> bool:
        """Ask for the list of models; return whether it changed, within `wait` seconds if it has not yet."""
        headers = {"Accept": "application/json"} | ({"If-None-Match": self._etag} if self._etag else {})
        answer = await self._connection.ask(
            "GET", f"/v1/models?wait={wait}", most=_LARGEST_LIST, headers=headers, wait=wait
        )
        if answer.status == _UNCHANGED:
            return False
        self._listed = _listing(answer)
        self._etag = answer.etag
        await self._tell_again_what_was_lost()
        return True

    def _due(self) -> bool:
        now = asyncio.get_running_loop().time()
        over = self._real_now() - GRACE
        return any(each.until <= now for each in self._useless.values()) or any(
            since <= over for since in self._missing.values()
        )

    async def _catch_up(self) -> bool:
        """Fetch what was listed in other versions; return whether there was anything."""
        told = await self._disk.run(lambda database: Versions(database).told())
        own = self._living()
        wanted = self._wanted(told, own)
        names = {each.service_type for each in wanted}
        missing = await self._find_missing(told)
        changed = False
        for service_type in [each for each in told if each not in names and told[each].heard]:
            if service_type not in missing:
                await self._drop(service_type)
                changed = True
        self._useless = {name: each for name, each in self._useless.items() if name in names}
        self.refused = {name: text for name, text in self.refused.items() if name in names}
        for entry in wanted:
            before = told.get(entry.service_type)
            if entry.service_type in missing:
                continue
            if (before is None or before.listed != entry.version) and not self._passed_over(entry):
                await self._fetch(entry, before)
                changed = True
            elif before is not None and entry.service_type in own - self._own:
                await self._adopt_again(entry.service_type)
        self._own = own
        if changed:
            await self.look()
        return changed

    async def _find_missing(self, told: Collection[str]) -> Collection[str]:
        """Return the types of which the service has nothing, but had until a short time ago; they stay in force."""
        listed = {each.service_type for each in self._listed if each.origins}
        found = [name for name, each in self.in_force.items() if (each.sites or each.nodes) and name not in listed]
        now = self._real_now()
        since = await self._disk.run(lambda database: Versions(database).missing(found, now))
        self._missing = {name: at for name, at in since.items() if name in told and now - at < GRACE}
        return self._missing

    async def _tell_again_what_was_lost(self) -> None:
        """Have everything told again if the service has nothing of a type that it had taken from here.

        It has lost its disk, or begun anew; so it is if it has nothing any more of what the others told.
        """
        now = asyncio.get_running_loop().time()
        if self._told_again is not None and now - self._told_again < _AGAIN_SECONDS:
            return
        listed = {each.service_type for each in self._listed}
        gone = any(
            name not in listed and name not in self._missing for name, each in self.in_force.items() if each.newest
        )
        if await self._disk.run(lambda database: Outbox(database).tell_again(listed, anyway=gone)):
            self._told_again = now

    def _living(self) -> set[str]:
        return {model.service_type for model in self._source.contributions()}

    def _wanted(self, told: Iterable[str], own: Collection[str]) -> list[ModelEntry]:
        """Return as much as there is room for of what is listed.

        Types that live here come first, then those that a quorum has, of them those that are known already. What they
        weigh is the word of whoever contributed.
        """
        if len(self._listed) <= MAX_MODELS:
            return self._listed
        known = set(told)

        def rank(entry: ModelEntry) -> tuple[bool, bool, bool, int]:
            name = entry.service_type
            return name not in own, entry.origins < QUORUM, name not in known, -entry.origins

        return sorted(self._listed, key=rank)[:MAX_MODELS]

    async def _adopt(self, service_type: str, others: Others, left_out: int) -> None:
        """Put in force what there is room for, and let everybody else do something before the next one."""
        self._sink.adopt(service_type, others)
        self.cut.pop(service_type, None)
        if left_out:
            kept = size(others).relationships
            self.cut[service_type] = f"{kept} of {kept + left_out} relationships are used: those that most sites show"
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _adopt_stored(self, service_type: str, name: str) -> None:
        """Put a version in force that is on disk.

        Raises:
            UnknownVersionError: it cannot be read any more.
            DiskError: the disk refuses.
        """
        await self._adopt(
            service_type, *await self._disk.run(lambda database: fitting(Versions(database).others(service_type, name)))
        )

    async def _lose(self, service_type: str, name: str) -> None:
        if await self._disk.run(lambda database: Versions(database).unreadable(service_type, name)):
            self._sink.unpinned(service_type, name)

    async def _adopt_again(self, service_type: str) -> None:
        for each in await self._disk.run(lambda database: Versions(database).in_force()):
            if each.service_type == service_type:
                await self._adopt_stored(service_type, each.name)

    def _passed_over(self, entry: ModelEntry) -> bool:
        useless = self._useless.get(entry.service_type)
        if useless is None or useless.listed != entry.version:
            return False
        return asyncio.get_running_loop().time() < useless.until

    async def _fetch(self, entry: ModelEntry, before: Told | None) -> None:
        service_type = entry.service_type
        headers = {"Accept": OTHERS} | ({"If-None-Match": before.etag} if before is not None and before.etag else {})
        try:
            answer = await self._connection.ask(
                "GET", f"/v1/models/{quote(service_type, safe='')}", most=MAX_OTHERS_BYTES, headers=headers
            )
            if answer.status == _UNCHANGED:
                await self._disk.run(lambda database: Versions(database).unchanged(service_type, entry.version))
                return
            await self._take(entry, answer)
        except AnswerError as error:
            self._note_useless(entry, str(error))
        except ServiceError as error:
            if error.status != _GONE:
                raise
            # It went since it was listed; the next list does not have it.
        except BadContribution as error:
            self._note_useless(entry, f"what the service told of it is not adopted ({error.code}): {error}")

    async def _take(self, entry: ModelEntry, answer: Answer) -> None:
        """Check what was told, put it on disk, and then in force.

        Raises:
            BadContribution: it is not what it should be.
            DiskError: the disk refuses.
        """
        if answer.media != OTHERS:
            raise BadContribution("malformed", f"it is of the media type {answer.media[:80]!r}, not {OTHERS}")
        service_type, now = entry.service_type, self._real_now()
        # Event time of tests and demonstrations runs ahead; on a node that has seen nothing it is 0.
        minute = max(self._source.now(), int(now * 1000)) // MINUTE

        def take(database: sqlite3.Connection) -> tuple[Others, int, bool]:
            others = decode_others(service_type, answer.body, now_minute=minute)
            told = Told(heard=name_of(others), listed=entry.version, etag=answer.etag)
            return *fitting(others), Versions(database).take(service_type, told, others, answer.body, now)

        others, left_out, in_force = await self._disk.run(take)
        if in_force:
            await self._adopt(service_type, others, left_out)
        self._useless.pop(service_type, None)
        self.refused.pop(service_type, None)

    async def _drop(self, service_type: str) -> None:
        """Forget a type of which the service has nothing any more."""
        if await self._disk.run(lambda database: Versions(database).drop(service_type)):
            self._sink.adopt(service_type, None)

    def _note_useless(self, entry: ModelEntry, text: str) -> None:
        until = asyncio.get_running_loop().time() + _RETRY_SECONDS
        self._useless[entry.service_type] = _Useless(entry.version, until)
        self.refused[entry.service_type] = text


def fitting(others: Others) -> tuple[Others, int]:
    """Return as much of a version as anybody adopts, and the number of relationships that are left out."""
    found = cut(others, OF_ONE)
    return found, size(others).relationships - size(found).relationships


def _listing(answer: Answer) -> list[ModelEntry]:
    try:
        listed = msgspec.json.decode(answer.body, type=ModelList).models
    except msgspec.MsgspecError as error:
        raise AnswerError(f"the list of models cannot be read: {error}") from error
    for each in listed:
        if not names_a_type(each.service_type) or not 0 < len(each.version) <= _LONGEST_VERSION:
            raise AnswerError(f"the list of models has an entry that is none: {each.service_type[:64]!r}")
    if len({each.service_type for each in listed}) != len(listed):
        raise AnswerError("the list of models names a service type twice")
    return listed
