"""`policy.yaml`: how far verdicts are enforced, from which anomaly value on, and for how long a sender is shut out."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from policy.duration import Duration
from policy.loading import Inconsistency, inconsistent, invalid
from policy.verdict import Mode

HIGHEST_AV = 100
"""No relationship scores higher (`SoR` is capped there), so no threshold above it makes sense."""

AnomalyValue = Annotated[float, Field(ge=0, le=HIGHEST_AV)]


def _protected(entry: str) -> str:
    if entry.startswith("/"):
        return entry
    try:
        ip_network(entry)
    except ValueError as error:
        raise invalid(
            f"{entry!r} is neither a service address nor a network ({error})",
            "write for example /agent1/router1, 192.0.2.1 or 192.0.2.0/24",
        ) from None
    return entry


class Handling(StrEnum):
    """What enforce mode does with a call whose parties are not known."""

    BLOCK = "block"
    FORWARD = "forward"


class Scoring(StrEnum):
    """Whose formulas judge."""

    ALLEYES = "alleyes"
    PAPER = "paper"


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _disorder(alert: float, block: float, quarantine: float | None) -> list[Inconsistency]:
    found: list[Inconsistency] = []
    if alert > block:
        found.append(
            Inconsistency(
                ("alert",), f"{alert:g} is above block ({block:g})", "order them: alert <= block <= quarantine"
            )
        )
    if quarantine is not None and block > quarantine:
        found.append(
            Inconsistency(
                ("quarantine",),
                f"{quarantine:g} is below block ({block:g})",
                "order them: alert <= block <= quarantine, or write null to never quarantine",
            )
        )
    return found


class Thresholds(Section):
    """Anomaly values (AV, 0 to 100) from which on something happens; alert <= block <= quarantine."""

    alert: AnomalyValue = 4
    """The verdict is marked as an alert, the call passes."""
    block: AnomalyValue = 7
    """The call is refused. With 0 every call is: nothing passes at all."""
    quarantine: AnomalyValue | None = 30
    """The call is refused, and so is every later one of this sender until the quarantine expires; null: never."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if found := _disorder(self.alert, self.block, self.quarantine):
            raise inconsistent(found)
        return self


class ThresholdOverrides(Section):
    """Thresholds of one service type; what is left out is taken from the thresholds of all."""

    alert: AnomalyValue | None = None
    """As above; null or left out: as for all."""
    block: AnomalyValue | None = None
    """As above; null or left out: as for all."""
    quarantine: AnomalyValue | None = None
    """As above; null: never; left out: as for all."""

    def over(self, base: Thresholds) -> tuple[float, float, float | None]:
        """Return alert, block and quarantine with the gaps filled from `base`."""
        return (
            base.alert if self.alert is None else self.alert,
            base.block if self.block is None else self.block,
            self.quarantine if "quarantine" in self.model_fields_set else base.quarantine,
        )


class ServiceTypePolicy(Section):
    """What differs for one service type."""

    mode: Mode | None = None
    """Left out: the mode of all."""
    thresholds: ThresholdOverrides = ThresholdOverrides()


class QuarantinePolicy(Section):
    """How a sender is shut out."""

    expiry: Duration = Field(default=3600, json_schema_extra={"default": "1h"})
    """How long a quarantine holds, e.g. 15m, 1h, 7d."""
    protected: list[Annotated[str, AfterValidator(_protected)]] = []
    """Service addresses (/agent1/router1) and networks (192.0.2.0/24) that are refused call by call, but never
    quarantined."""


def _service_type(name: str) -> str:
    if re.fullmatch(r"(/[^/\s]+)+", name) is None:
        raise invalid(f"{name!r} is not a service type", "write it as the middleware does, e.g. /doorLock")
    return name


ServiceType = Annotated[str, AfterValidator(_service_type)]


class PolicyDocument(Section):
    """The policy of a gateway."""

    mode: Mode = Mode.LEARN
    """learn: forward and learn everything but floods; monitor: forward, learn what is normal, record what would have
    been refused; enforce: refuse. Some refusals hold in every mode: docs/refusals.md."""
    scoring: Scoring = Scoring.ALLEYES
    """alleyes: the shipped scoring; paper: the formulas of the paper to the letter, for comparison. Each keeps models
    of its own. A change takes a restart."""
    thresholds: Thresholds = Thresholds()
    unknown_sender: Handling = Handling.BLOCK
    """A sender without any established identity, whose service type is therefore unknown, too. Obeys the mode: learn
    and monitor forward."""
    unknown_type: Handling = Handling.BLOCK
    """A sender whose identity is established, but whose service type is not known, so that no model can judge it.
    Obeys the mode."""
    unknown_node: Handling = Handling.BLOCK
    """A call to a node whose service type is not known. Obeys the mode."""
    service_types: dict[ServiceType, ServiceTypePolicy] = {}
    """What differs for a service type, e.g. /doorLock. It applies to calls that services of the type make."""
    quarantine: QuarantinePolicy = QuarantinePolicy()

    @field_validator("service_types")
    @classmethod
    def _ordered(
        cls, service_types: dict[str, ServiceTypePolicy], info: ValidationInfo
    ) -> dict[str, ServiceTypePolicy]:
        base = info.data.get("thresholds")
        if base is None:
            return service_types
        found = [
            Inconsistency((name, "thresholds", *each.path), each.message, each.remedy)
            for name, override in service_types.items()
            for each in _disorder(*override.thresholds.over(base))
        ]
        if found:
            raise inconsistent(found)
        return service_types
