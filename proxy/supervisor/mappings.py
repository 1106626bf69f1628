"""The mappings in force: what calls to access points mean that are no Knowledge Agents; replaced while serving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from proxy.configuration import GatewayDocument
from proxy.mappings import MappingError, read_mappings
from proxy.processes.messages import Maps


class _Named(msgspec.Struct):
    name: str


@dataclass
class MappingsInForce:
    """By agent the mapping of each access point that has one, as workers get it."""

    document: GatewayDocument
    tell: Callable[[Maps], None]
    """Called with each mapping that is new; all workers are to hear of it."""
    on_problem: Callable[[str], None]
    """Called with one line for each reason why files cannot be used; what was in force stays."""
    current: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """By agent what its mapping calls itself."""
        return {agent: msgspec.json.decode(mapping, type=_Named).name for agent, mapping in self.current.items()}

    async def reload(self) -> None:
        """Read all files again; what changed is in force at once, unless anything is wrong with any of them."""
        try:
            found = await asyncio.to_thread(read_mappings, self.document)
        except MappingError as error:
            for problem in error.problems:
                self.on_problem(problem)
            return
        for agent, mapping in found.items():
            self.replace(agent, mapping)

    def replace(self, agent: str, mapping: bytes) -> None:
        """Put another mapping of one access point in force; the same one changes nothing."""
        if self.current.get(agent) == mapping:
            return
        self.current = {**self.current, agent: mapping}
        self.tell(Maps(agent, mapping))
