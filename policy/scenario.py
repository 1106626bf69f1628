"""A scenario: services, what they did before, what they do now, and the verdicts that a policy must come to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from models.access import Operation
from policy.document import PolicyDocument, ServiceType
from policy.duration import Duration
from policy.loading import Inconsistency, inconsistent
from policy.local_time import expiry
from policy.section import Section
from policy.verdict import Action, Mode, Strength

LONGEST = 7 * 86_400
"""Seconds that a scenario may let pass before or between its steps: each minute of them is played."""


class Service(Section):
    """One service, by what a call of it or to it shows."""

    address: Annotated[str, Field(pattern=r"^(/[^/\s]+)+$", examples=["/agent1/phone1"])]
    type: ServiceType | None = None
    """Service type; left out: nobody knows it."""
    location: str | None = None
    """Its room; left out: not known."""
    identity: Strength = Strength.CERTIFICATE
    """How well its identity is established when it calls; unknown: as one of whom only the network address is known."""
    ip: str = "192.0.2.1"
    """Network address it calls from."""


class Deed(Section):
    """One access."""

    who: str
    """Name of the calling service."""
    does: Operation
    """What it does."""
    whom: str | None = None
    """Name of the service that is called; left out: itself."""
    node: str | None = None
    """Name of the node below that service, e.g. isOpen; left out: the service itself."""
    data_type: str | None = None
    """Type of the node, e.g. /derived/boolean."""
    value: str | None = None
    """What is written or notified."""


class Lesson(Deed):
    """What a service did again and again before the scenario begins."""

    every: Duration
    """Time between two accesses."""
    lasting: Duration
    """For how long, up to the begin."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.lasting > LONGEST:
            raise inconsistent([Inconsistency(("lasting",), "is too long to be played", "write 7d at most")])
        return self


class Expectation(Section):
    """What is expected of a verdict; what is left out may be anything."""

    action: Action | None = None
    """What happens to the call."""
    would_be: Action | None = None
    """What enforce mode would have done."""
    reason: str | None = None
    """Reason code, as in docs/refusals.md; normal, or allowed-by-rule."""
    rule: str | None = None
    """Name of the rule that decided or marked it."""
    mode: Mode | None = None
    """The effective mode."""
    alert: bool | None = None
    """Whether it is marked."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise inconsistent([Inconsistency((), "expects nothing", "give action, reason or another field")])
        return self


class Step(Deed):
    """A call, or the same call several times, and the verdict on the last of them."""

    wait: Duration | None = None
    """Time that passes before."""
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How often the call is made."""
    interval: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """Seconds between two of these."""
    expect: Expectation

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.wait is not None and self.wait > LONGEST:
            raise inconsistent([Inconsistency(("wait",), "is too long to be played", "write 7d at most")])
        return self


Begin = Annotated[str, Field(pattern=r"^[^T]+T[^T]+$", examples=["2026-03-02T08:00"]), AfterValidator(expiry)]


class Scenario(Section):
    """One scenario."""

    description: str
    """What it shows."""
    policy: PolicyDocument = PolicyDocument()
    """The policy, unless another one is given to the command."""
    start: Begin = "2026-03-02T08:00"
    """Local time at which the first step is, in the policy's time zone."""
    services: dict[str, Service] = Field(min_length=1, max_length=256)
    """Those who take part, by names that only this file uses."""
    training: list[Lesson] = Field(default=[], max_length=256)
    """What was learnt before: all of it with mode learn, whatever the policy says."""
    steps: list[Step] = Field(min_length=1, max_length=1000)
    """What happens."""

    @model_validator(mode="after")
    def _introduced(self) -> Self:
        found = [
            Inconsistency((*place, field), f"there is no service {name}", "name one of services")
            for place, deed in self._deeds()
            for field, name in (("who", deed.who), ("whom", deed.whom))
            if name is not None and name not in self.services
        ]
        if found:
            raise inconsistent(found)
        return self

    def _deeds(self) -> Iterator[tuple[tuple[str, int], Deed]]:
        for index, lesson in enumerate(self.training):
            yield ("training", index), lesson
        for index, step in enumerate(self.steps):
            yield ("steps", index), step
