"""What calls to access points that are no Knowledge Agents mean: read and checked at the start, and again when asked.

Workers get the mappings as JSON (`Begin.mappings`): they read no file of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping

from policy.loading import DocumentError
from proxy.configuration import AccessPoint, GatewayDocument, MappingDecoder, ThingsDecoder
from proxy.decoders.rest.loading import load_mapping, packed
from proxy.decoders.rest.mapping import MappingDocument
from proxy.decoders.rest.things import ThingsError
from proxy.thing_sources import given_things


class MappingError(Exception):
    """A mapping cannot be used; `problems` has one line for each reason, with file, place and remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_mappings(document: GatewayDocument) -> Mapping[str, bytes]:
    """Return the mapping of each access point that has one, by agent.

    Raises:
        MappingError: with every problem of every file.
    """
    found: dict[str, bytes] = {}
    problems: list[str] = []
    for point in document.access_points:
        try:
            mapping = _read(point)
        except DocumentError as error:
            problems += [str(problem) for problem in error.problems]
            continue
        except ThingsError as error:
            problems += error.problems
            continue
        if mapping is not None:
            found[point.agent] = packed(mapping)
    if problems:
        raise MappingError(list(dict.fromkeys(problems)))
    return found


def _read(point: AccessPoint) -> MappingDocument | None:
    match point.decoder:
        case MappingDecoder(mapping=file):
            return load_mapping(file)
        case ThingsDecoder():
            # Where some are fetched, the mapping is that of all together (`proxy.supervisor.thing_watch`).
            given = given_things(point)
            return None if given is None else given.mapping
    return None
