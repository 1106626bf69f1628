"""Whether the model of a service type is good enough to refuse by it: what `mode: auto` waits for.

Observed once a minute, at one place, for the whole node. Ready is what was watched for long enough, in enough
instances, and has shown nothing new for a while. What senders do can delay that, but never undo it: a type that is
enforced stays so until its model is gone, so that nobody gets out of enforcement by doing many new things.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import msgspec
from pydantic import Field

from models.candidates import QUORUM
from models.knowledge import Knowledge
from policy.duration import Duration, duration
from policy.section import Section

LONGEST_STEP = 10 * 60_000
"""Event time (ms) that counts of one step: what passed while nobody watched says nothing."""
KEPT = 2
"""An enforced type stays so while its model has one part in this many of the instance-minutes that are asked for."""


class ReadinessPolicy(Section):
    """When the model of a service type is good enough to refuse by it; for `mode: auto`."""

    instance_minutes: Annotated[int, Field(ge=60, le=100_000_000)] = 1440
    """Minutes for which instances of the type were observed, added up: 1440 is one instance for a day."""
    instances: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Instances of the type on this node."""
    quiet: Duration = Field(default=86_400, json_schema_extra={"default": "1d"})
    """Observed time since the type showed a relationship that its model did not have."""
    federated: bool = True
    """Whether a type is ready as well once others know it well: at least two other sites contributed to its model,
    which has the instance-minutes that are asked for, and an instance of it is known here."""


class Observation(NamedTuple):
    """What there is of a model. The first three: of what was learnt here."""

    instance_minutes: int
    instances: int
    relationships: int
    all_minutes: int = 0
    """Instance-minutes of the whole model, with what was learnt elsewhere."""
    sites: int = 0
    """Other sites that contributed to it."""

    def vouched(self, asked: ReadinessPolicy) -> bool:
        """Whether what other sites know suffices, with an instance to apply it to."""
        return (
            asked.federated
            and self.sites >= QUORUM
            and self.instances > 0
            and self.all_minutes >= asked.instance_minutes
        )


def observed(knowledge: Knowledge) -> dict[str, Observation]:
    """Return what there is of the model of each service type."""
    return {
        name: Observation(
            instance_minutes=each.own.total.weight,
            instances=knowledge.instances(name),
            relationships=len(each.own.total.relationships),
            all_minutes=each.model.weight,
            sites=each.elsewhere,
        )
        for name, each in knowledge.types.items()
    }


class Maturity(msgspec.Struct, frozen=True, kw_only=True):
    """How far the model of one type is; in storage too."""

    instance_minutes: int
    instances: int
    relationships: int
    quiet: int
    """Observed event time (ms) without a new relationship."""
    ready: bool


class Readiness:
    """Follows the models of a node. Pure state; not thread-safe."""

    def __init__(self, stored: Mapping[str, Maturity] | None = None) -> None:
        """Go on with what was stored."""
        self._types = dict(stored or {})
        self._newest: int | None = None

    @property
    def ready(self) -> frozenset[str]:
        """The types that may be enforced."""
        return frozenset(name for name, each in self._types.items() if each.ready)

    @property
    def state(self) -> Mapping[str, Maturity]:
        """What is to be stored."""
        return dict(self._types)

    def observe(self, models: Mapping[str, Observation], asked: ReadinessPolicy, now: int | None) -> None:
        """Take in what the models are. Of types without a model nothing is kept.

        Args:
            models: By service type.
            asked: When a type is ready.
            now: Event time (ms) of the last minute that was learnt; None if there was none yet.
        """
        elapsed = 0 if self._newest is None or now is None else min(LONGEST_STEP, max(0, now - self._newest))
        self._newest = now
        self._types = {name: _next(self._types.get(name), found, asked, elapsed) for name, found in models.items()}

    def missing(self, service_type: str, asked: ReadinessPolicy) -> list[str]:
        """Return in plain words what a type lacks; nothing once it is ready."""
        return _missing(self._types.get(service_type, _NOTHING), asked)


_NOTHING = Maturity(instance_minutes=0, instances=0, relationships=0, quiet=0, ready=False)


def _next(before: Maturity | None, found: Observation, asked: ReadinessPolicy, elapsed: int) -> Maturity:
    quiet = 0
    if before is not None and found.relationships <= before.relationships:
        # Where no minute was added, nobody was watched: such time is not quiet, it is unknown.
        watched = found.instance_minutes > before.instance_minutes
        quiet = before.quiet + (elapsed if watched else 0)
    kept = max(found.instance_minutes, found.all_minutes if asked.federated else 0)
    fresh = Maturity(
        instance_minutes=found.instance_minutes,
        instances=found.instances,
        relationships=found.relationships,
        quiet=quiet,
        ready=before is not None and before.ready and kept * KEPT >= asked.instance_minutes,
    )
    if fresh.ready or (_missing(fresh, asked) and not found.vouched(asked)):
        return fresh
    return msgspec.structs.replace(fresh, ready=True)


def _missing(found: Maturity, asked: ReadinessPolicy) -> list[str]:
    if found.ready:
        return []
    missing: list[str] = []
    if (minutes := asked.instance_minutes - found.instance_minutes) > 0:
        missing.append(f"{minutes} more instance-minutes")
    if (instances := asked.instances - found.instances) > 0:
        missing.append(f"{instances} more instance{'s' if instances > 1 else ''}")
    if (rest := asked.quiet - found.quiet / 1000) > 0:
        missing.append(f"{duration(-(-rest // 60) * 60)} without a new relationship")
    return missing
