"""The mappings in force: what calls to access points mean that are no Knowledge Agents; replaced while serving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import structlog

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Detail, Kind
from proxy.audit.trail import Notes
from proxy.configuration import GatewayDocument
from proxy.mappings import each_once, find_mappings, sources
from proxy.processes.messages import Maps
from proxy.storage.mappings_store import MappingsStore

log = structlog.get_logger("alleyes")


class _Named(msgspec.Struct):
    name: str
    learning: bool = False
    routes: list[msgspec.Raw] = []

    @property
    def in_words(self) -> str:
        """Its name, and how much it understands."""
        return f"{self.name}, {len(self.routes)} routes{', learning' if self.learning else ''}"


@dataclass
class MappingsInForce:
    """By agent the mapping of each access point that has one, as workers get it. For the event loop's thread."""

    document: GatewayDocument
    tell: Callable[[Maps], None]
    """Called with each mapping that is new; all workers are to hear of it."""
    notes: Notes
    store: MappingsStore
    """Where those that are in force are kept: for a start at which a file is broken."""
    current: Mapping[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """What is wrong with the files, where what is in force is older than they are."""
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def names(self) -> dict[str, str]:
        """By agent what its mapping calls itself, and how many routes it has."""
        return {agent: _decoded(mapping).in_words for agent, mapping in self.current.items()}

    async def begin(self) -> None:
        """Keep what the gateway started with."""
        async with self._one_at_a_time:
            for problem in self.problems:
                log.error("a mapping is broken; the last good one is in force", detail=problem)
            await self._keep()

    async def reload(self) -> bool:
        """Read all files again; what changed is in force at once, unless anything is wrong with any of them.

        Returns:
            Whether they are good. If not, nothing has changed.
        """
        async with self._one_at_a_time:
            found = await asyncio.to_thread(find_mappings, self.document)
            if found.problems:
                self._refuse(each_once(found.problems))
                return False
            self.problems = []
            changed = [agent for agent, mapping in found.usable.items() if self.current.get(agent) != mapping]
            for agent in changed:
                self.replace(agent, found.usable[agent])
                text = f"Another mapping of {agent} is in force: {self.names[agent]}."
                self._note(text, agent=agent)
                log.info("mapping reloaded", agent=agent, mapping=self.names[agent])
            if changed:
                await self._keep()
            return True

    def replace(self, agent: str, mapping: bytes) -> None:
        """Put another mapping of one access point in force; the same one changes nothing."""
        if self.current.get(agent) == mapping:
            return
        self.current = {**self.current, agent: mapping}
        self.tell(Maps(agent, mapping))

    def _refuse(self, problems: list[str]) -> None:
        self.problems = problems
        for problem in problems:
            log.error("a mapping is broken; the one before is in force", detail=problem)
        text = "A mapping is broken; those in force stay, also of access points whose own is good."
        self._note(text, problems=problems)

    def _note(self, sentence: str, **details: Detail) -> None:
        try:
            self.notes.note(Kind.MAPPING, sentence, **details)
        except JournalError as error:
            # A log that takes no more must not leave half of the mappings as they were.
            log.error("not recorded", detail=sentence, reason=str(error))

    async def _keep(self) -> None:
        try:
            await asyncio.to_thread(self.store.save, self.current, sources(self.document))
        except OSError as error:
            log.error("the mappings were not stored", detail=str(error))


def _decoded(mapping: bytes) -> _Named:
    return msgspec.json.decode(mapping, type=_Named)
