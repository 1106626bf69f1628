"""What calls to access points that are no Knowledge Agents mean: read and checked at the start, and again when asked.

Workers get the mappings as JSON (`Begin.mappings`): they read no file of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy.loading import DocumentError
from proxy.configuration import AccessPoint, GatewayDocument, MappingDecoder, ThingsDecoder, is_url
from proxy.decoders.rest.loading import load_mapping, packed
from proxy.decoders.rest.mapping import MappingDocument
from proxy.decoders.rest.things import ThingsError
from proxy.thing_sources import given_things


@dataclass(frozen=True)
class FoundMappings:
    """What was found, by agent."""

    usable: Mapping[str, bytes]
    """As workers get it."""
    problems: Mapping[str, list[str]]
    """What is wrong with those that are not, one line each."""


def find_mappings(document: GatewayDocument) -> FoundMappings:
    """Read the mapping of each access point that has one."""
    usable: dict[str, bytes] = {}
    problems: dict[str, list[str]] = {}
    for point in document.access_points:
        try:
            mapping = _read(point)
        except DocumentError as error:
            problems[point.agent] = [str(problem) for problem in error.problems]
            continue
        except ThingsError as error:
            problems[point.agent] = list(error.problems)
            continue
        if mapping is not None:
            usable[point.agent] = packed(mapping)
    return FoundMappings(usable, problems)


def each_once(problems: Mapping[str, list[str]]) -> list[str]:
    """Return all problems, those of a file that several access points have once."""
    return list(dict.fromkeys(line for lines in problems.values() for line in lines))


def sources(document: GatewayDocument) -> Mapping[str, str]:
    """Return where the mapping of each access point comes from that has it from files alone, by agent."""
    return {
        point.agent: point.decoder.model_dump_json()
        for point in document.access_points
        if isinstance(point.decoder, MappingDecoder)
        or (isinstance(point.decoder, ThingsDecoder) and not any(map(is_url, point.decoder.things)))
    }


def _read(point: AccessPoint) -> MappingDocument | None:
    match point.decoder:
        case MappingDecoder(mapping=file):
            return load_mapping(file)
        case ThingsDecoder():
            # Where some are fetched, the mapping is that of all together (`proxy.supervisor.thing_watch`).
            given = given_things(point)
            return None if given is None else given.mapping
    return None
