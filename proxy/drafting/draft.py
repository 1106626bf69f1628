"""A mapping before an operator has looked at it: what was guessed, with what there is to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proxy.drafting.credentials import TokenDraft

BOOLEAN = "/basic/boolean"
NUMBER = "/basic/number"
TEXT = "/basic/text"
COMPOSED = "/basic/composed"


@dataclass(frozen=True, kw_only=True)
class MemberDraft:
    """One value of a body or target."""

    pointer: str
    """JSON pointer (RFC 6901); of a form, `/` and the name of the field; `?` and the name of a parameter."""
    node: str
    data_type: str
    minimum: float | int | None = None
    maximum: float | int | None = None
    integer: bool = False
    choices: tuple[str, ...] = ()
    longest: int | None = None
    """Characters of a text."""
    private: bool = False
    """Its value stays out of the audit and of models: a password, by its name."""
    remark: str = ""
    example: str | None = None
    """A value, as JSON."""


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
    whole: tuple[str, ...] = ()
    """Variables of the path that are whole numbers from 0: other spellings of them are refused."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By variable of the path, all that it may be."""
    deciding: tuple[str, ...] = ()
    """Variables of the path by which is learnt what is done, though nobody knows all that they may be."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are passed on without being judged, each with what is remarkable about it."""
    lasting: bool = False
    remarks: tuple[str, ...] = ()
    """What was guessed, and what is to be decided."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the path, what they may be: for an example."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the target, with values that are given as an example."""
    example: str | None = None
    """A body that is given as an example, as JSON."""


@dataclass(frozen=True, kw_only=True)
class MappingDraft:
    """A whole mapping."""

    name: str
    source: str
    heading: tuple[str, ...]
    """What stands at the top as comments."""
    learning: bool = False
    """What no route matches goes on to pass and be noted."""
    tokens: Sequence[TokenDraft] = ()
    token_remarks: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    routes: tuple[RouteDraft, ...] = ()
    left_out: tuple[str, ...] = ()
    """What there is, but not in the mapping, each with why."""
