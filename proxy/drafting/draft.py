"""A mapping before an operator has looked at it: what was guessed, with what there is to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BOOLEAN = "/basic/boolean"
NUMBER = "/basic/number"
TEXT = "/basic/text"
COMPOSED = "/basic/composed"


@dataclass(frozen=True, kw_only=True)
class MemberDraft:
    """One value of a body."""

    pointer: str
    """JSON pointer (RFC 6901); of a form, `/` and the name of the field."""
    node: str
    data_type: str
    minimum: float | int | None = None
    maximum: float | int | None = None
    choices: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class RouteDraft:
    """One request that is understood."""

    name: str
    method: str
    path: str
    service: str
    service_type: str
    operation: str
    node: str
    data_type: str | None = None
    body: str = "none"
    """json, form, text, none or opaque."""
    optional_body: bool = False
    value: str | None = None
    """JSON pointer to the value of a body that holds only one; empty for all of it."""
    members: tuple[MemberDraft, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are passed on, each with what is remarkable about it."""
    lasting: bool = False
    remarks: tuple[str, ...] = ()
    """What was guessed, and what is to be decided."""


@dataclass(frozen=True, kw_only=True)
class MappingDraft:
    """A whole mapping."""

    name: str
    source: str
    heading: tuple[str, ...]
    """What stands at the top as comments."""
    token: Mapping[str, str] | None = None
    token_remarks: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    routes: tuple[RouteDraft, ...] = ()
    left_out: tuple[str, ...] = ()
    """What there is, but not in the mapping, each with why."""
