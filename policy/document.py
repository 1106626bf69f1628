"""`policy.yaml`: how far verdicts are enforced, from which anomaly value on, and for how long a sender is shut out."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from policy.duration import Duration
from policy.escalation import BackOffPolicy, EscalationPolicy
from policy.inferred import is_inferred
from policy.loading import Inconsistency, inconsistent, invalid
from policy.local_time import zone_name
from policy.readiness import ReadinessPolicy
from policy.rule import Rule
from policy.section import Section

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


class ModeSetting(StrEnum):
    """How far verdicts are enforced, as the policy says it."""

    LEARN = "learn"
    MONITOR = "monitor"
    ENFORCE = "enforce"
    AUTO = "auto"
    """Monitor until the model of the type is ready, then enforce (`policy.readiness`)."""


class Scoring(StrEnum):
    """Whose formulas judge."""

    ALLEYES = "alleyes"
    PAPER = "paper"


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


class Effective(NamedTuple):
    """Thresholds without gaps."""

    alert: float
    block: float
    quarantine: float | None


class ThresholdOverrides(Section):
    """Thresholds of one service type; what is left out is taken from the thresholds of all."""

    alert: AnomalyValue | None = None
    """As above; null or left out: as for all."""
    block: AnomalyValue | None = None
    """As above; null or left out: as for all."""
    quarantine: AnomalyValue | None = None
    """As above; null: never; left out: as for all."""

    def gives(self, name: str) -> bool:
        """Whether it sets that threshold itself."""
        return name in self.model_fields_set if name == "quarantine" else getattr(self, name) is not None

    def over(self, base: Thresholds | Effective) -> Effective:
        """Return all three with the gaps filled from `base`."""
        return Effective(*[getattr(self if self.gives(name) else base, name) for name in Effective._fields])


def _service_type(name: str) -> str:
    if re.fullmatch(r"(/[^/\s]+)+", name) is None:
        raise invalid(f"{name!r} is not a service type", "write it as the middleware does, e.g. /doorLock")
    return name


ServiceType = Annotated[str, AfterValidator(_service_type)]


class InferredThresholds(ThresholdOverrides):
    """Thresholds of inferred types; what is left out is taken from the thresholds of all, but for `quarantine`."""

    quarantine: AnomalyValue | None = None
    """As above; null or left out: never."""

    def gives(self, name: str) -> bool:
        """Whether it sets that threshold itself."""
        return name == "quarantine" or super().gives(name)


class InferredPolicy(Section):
    """What differs for senders of which the type was only inferred (`inference` of inventory.yaml)."""

    mode: ModeSetting | None = None
    """Left out: the mode of all."""
    thresholds: InferredThresholds = InferredThresholds()
    """`service_types` may say more of a single one, as of /inferred/camera."""


class PartnerPolicy(Section):
    """What differs for calls to one type of partners."""

    thresholds: ThresholdOverrides = ThresholdOverrides()
    """What is left out is taken from the thresholds of the calling type."""


class ServiceTypePolicy(Section):
    """What differs for one service type."""

    mode: ModeSetting | None = None
    """Left out: the mode of all."""
    thresholds: ThresholdOverrides = ThresholdOverrides()
    unknown_node: Handling | None = None
    """Left out: as for all."""
    partners: dict[ServiceType, PartnerPolicy] = Field(default={})
    """What differs for the calls of this type to services of another one."""


class QuarantinePolicy(Section):
    """How a sender is shut out."""

    expiry: Duration = Field(default=3600, json_schema_extra={"default": "1h"})
    """How long a quarantine holds, e.g. 15m, 1h, 7d."""
    back_off: BackOffPolicy = BackOffPolicy()
    escalation: EscalationPolicy = EscalationPolicy()
    protected: list[Annotated[str, AfterValidator(_protected)]] = Field(default=[])
    """Service addresses (/agent1/router1) and networks (192.0.2.0/24) that are refused call by call, but never
    quarantined."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        asked = self.escalation
        if asked.refusals is not None and asked.different > asked.refusals:
            message = f"{asked.different} different calls cannot be among {asked.refusals}"
            raise inconsistent([Inconsistency(("escalation", "different"), message, "lower it, or raise refusals")])
        return self


class PolicyDocument(Section):
    """The policy of a gateway."""

    mode: ModeSetting = ModeSetting.LEARN
    """learn: forward and learn everything but floods; monitor: forward, learn what is normal, record what would have
    been refused; enforce: refuse; auto: monitor each service type until its model is ready, then enforce. Some refusals
    hold in every mode: docs/refusals.md."""
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
    time_zone: Annotated[str, AfterValidator(zone_name)] | None = None
    """Time zone of the hours, days and expiries of rules, e.g. Europe/Berlin; null: the machine's."""
    rules: list[Rule] = Field(default=[], max_length=1024)
    """Explicit rules; the first that allows or denies an access decides about it."""
    inferred: InferredPolicy = InferredPolicy()
    service_types: dict[ServiceType, ServiceTypePolicy] = Field(default={})
    """What differs for a service type, e.g. /doorLock. It applies to calls that services of the type make."""
    readiness: ReadinessPolicy = ReadinessPolicy()
    quarantine: QuarantinePolicy = QuarantinePolicy()

    @field_validator("inferred")
    @classmethod
    def _inferred_ordered(cls, inferred: InferredPolicy, info: ValidationInfo) -> InferredPolicy:
        base = info.data.get("thresholds")
        if base is not None and (found := _placed(("thresholds",), _disorder(*inferred.thresholds.over(base)))):
            raise inconsistent(found)
        return inferred

    @field_validator("rules")
    @classmethod
    def _distinct(cls, rules: list[Rule]) -> list[Rule]:
        names = [rule.name for rule in rules]
        found = [
            Inconsistency((index, "name"), f"{name!r} is the name of an earlier rule", "give each a name of its own")
            for index, name in enumerate(names)
            if name in names[:index]
        ]
        if found:
            raise inconsistent(found)
        return rules

    @field_validator("service_types")
    @classmethod
    def _ordered(
        cls, service_types: dict[str, ServiceTypePolicy], info: ValidationInfo
    ) -> dict[str, ServiceTypePolicy]:
        base = info.data.get("thresholds")
        if base is None:
            return service_types
        found: list[Inconsistency] = []
        inferred = info.data.get("inferred", InferredPolicy()).thresholds.over(base)
        for name, override in service_types.items():
            own = override.thresholds.over(inferred if is_inferred(name) else base)
            found += _placed((name, "thresholds"), _disorder(*own))
            if not found:
                for partner, each in override.partners.items():
                    found += _placed((name, "partners", partner, "thresholds"), _disorder(*each.thresholds.over(own)))
        if found:
            raise inconsistent(found)
        return service_types

    @model_validator(mode="after")
    def _knows_readiness(self) -> Self:
        if self.scoring is Scoring.PAPER and self.automatic:
            message = "paper does not tell when a type is ready, and a mode is auto"
            raise inconsistent([Inconsistency(("scoring",), message, "write monitor or enforce instead of auto")])
        return self

    @property
    def automatic(self) -> bool:
        """Whether the mode of any type is left to its readiness."""
        modes = {self.mode, self.inferred.mode, *(each.mode for each in self.service_types.values())}
        return ModeSetting.AUTO in modes


def _placed(place: tuple[str | int, ...], found: list[Inconsistency]) -> list[Inconsistency]:
    return [Inconsistency((*place, *each.path), each.message, each.remedy) for each in found]
