"""Explicit rules of a policy: what an operator allows, denies or wants to hear of, whatever the models say."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from models.access import Operation
from policy import local_time
from policy.glob import pattern
from policy.loading import Inconsistency, inconsistent, invalid
from policy.section import Section
from policy.verdict import Strength

UNKNOWN = "unknown"
"""Stands for a type or a location that is not known."""


class RuleAction(StrEnum):
    """What becomes of an access that a rule matches."""

    ALLOW = "allow"
    DENY = "deny"
    ALERT = "alert"
    EXPECT = "expect"


class Location(StrEnum):
    """Where source and destination are."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = UNKNOWN


class Day(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def _path(text: str) -> str:
    if not pattern(text).startswith(("/", "*")):
        raise invalid(f"{text!r} is not an address", "begin with a slash: /agent1/lightcontrol1, /agent1/*, **/isOn")
    return text


def _type(text: str) -> str:
    if text != UNKNOWN and not pattern(text).startswith(("/", "*")):
        raise invalid(f"{text!r} is not a type", f"begin with a slash: /doorLock, /derived/*; or write {UNKNOWN}")
    return text


def _sender(text: str) -> str:
    if not pattern(text).startswith(("/", "*", "ip:")):
        raise invalid(
            f"{text!r} is not an address", "write /agent1/phone1, /agent1/phone*, or ip:192.0.2.7 of a stranger"
        )
    return text


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise invalid(f"{text!r} is not a network ({error})", "write for example 192.0.2.7 or 192.0.2.0/24") from None
    return text


def _hours(text: str) -> str:
    local_time.hours(text)
    return text


SenderPattern = Annotated[str, AfterValidator(_sender)]
PathPattern = Annotated[str, AfterValidator(_path)]
TypePattern = Annotated[str, AfterValidator(_type)]
ClientPattern = Annotated[str, AfterValidator(pattern)]
Network = Annotated[str, AfterValidator(_network)]
HoursText = Annotated[str, AfterValidator(_hours)]
Expiry = Annotated[str, AfterValidator(local_time.expiry)]
RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", examples=["doors-at-night"])]

type Several[T] = Annotated[list[T], Field(min_length=1, max_length=256)]


class ValueCondition(Section):
    """What is written or notified. An access without a value, such as a read, never matches."""

    equals: Several[str] | None = None
    """Texts, one of which the value is."""
    at_least: float | None = None
    """The value is a number not below this."""
    at_most: float | None = None
    """The value is a number not above this."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.equals is None and self.at_least is None and self.at_most is None:
            raise inconsistent([Inconsistency((), "has no condition", "give equals, at_least or at_most")])
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            message = f"{self.at_least:g} is above at_most ({self.at_most:g})"
            raise inconsistent([Inconsistency(("at_least",), message, "exchange them")])
        return self


class Rule(Section):
    """One rule. It matches an access for which every condition that is given holds; of a list, one entry suffices."""

    name: RuleName
    """Names the rule in verdicts: small letters, digits and hyphens."""
    action: RuleAction
    """allow: forward in spite of scores, thresholds and unknown parties; deny: refuse, as the mode says; alert: mark
    the verdict, and go on with the rules after it; expect: judge as if this had been seen before, so that it is not
    refused for being new, but for its rate, place, value or order; go on with the rules after it."""
    comment: Annotated[str, Field(max_length=500)] = ""
    """Why; a denial tells it in the audit log."""
    expires: Expiry | None = None
    """Day whose end (2027-01-31), or time at which (2027-01-31T18:00), the rule ends. Left out: never."""
    source_address: Several[SenderPattern] | None = None
    """Who calls: service addresses; ip:192.0.2.7 for a sender without identity."""
    source_type: Several[TypePattern] | None = None
    """Service types of who calls, or unknown."""
    identity: Several[Strength] | None = None
    """How well the sender's identity is established."""
    client_id: Several[ClientPattern] | None = None
    """Client ids of senders. For allow only those in certificates count, unless `identity` lists vouched: then those in
    the word of a peer do, too."""
    network: Several[Network] | None = None
    """Network addresses from which the call comes."""
    destination_address: Several[PathPattern] | None = None
    """Service addresses of who is called."""
    destination_type: Several[TypePattern] | None = None
    """Service types of who is called, or unknown."""
    location: Several[Location] | None = None
    """Whether both are in the same place."""
    operation: Several[Operation] | None = None
    """What is done."""
    node: Several[PathPattern] | None = None
    """Addresses of the nodes that are accessed."""
    data_type: Several[TypePattern] | None = None
    """Types of the nodes, or unknown."""
    value: ValueCondition | None = None
    hours: Several[HoursText] | None = None
    """Parts of the day in local time, e.g. 22:00-06:00, which belongs to the day on which it begins."""
    days: Several[Day] | None = None
    """Days of the week in local time."""

    @property
    def about_accesses(self) -> bool:
        """Whether the rule asks for more than who calls and when."""
        return any(getattr(self, name) is not None for name in ABOUT_ACCESSES)

    @property
    def about_sender(self) -> Rule:
        """The rule without the conditions that ask for more than who calls and when."""
        return self.model_copy(update=dict.fromkeys(ABOUT_ACCESSES))

    @property
    def conditions(self) -> dict[str, object]:
        """What the rule asks for, by the names of its settings."""
        given = {name: getattr(self, name) for name in CONDITIONS}
        return {name: each for name, each in given.items() if each is not None}


ABOUT_ACCESSES = ("destination_address", "destination_type", "location", "operation", "node", "data_type", "value")
"""Conditions that a call without any decoded access cannot meet."""
CONDITIONS = ("source_address", "source_type", "identity", "client_id", "network", *ABOUT_ACCESSES, "hours", "days")
