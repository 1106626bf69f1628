"""Lists of the VSL: a get below `add` or `del` of a list changes it (spec of the VSL, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from proxy.decoders.vsl_target import BadTarget, Target

_ADD = "add"
_CHANGES = frozenset({_ADD, "del"})
_FIRST = 3
"""Segments before it are of the agent and the service."""
_NAMED_TAIL = 2
"""What follows the model of an added element: nothing between two slashes, and its name."""


class ListChange(msgspec.Struct, frozen=True):
    """A get that changes a list."""

    address: str
    """The list."""
    value: str
    """`add` with the model of the new element, or `del`. Names and positions are left out: they are new each time."""


def change(target: Target, may_be_list: Callable[[str], bool]) -> ListChange | None:
    """Return what a get changes; None for one that only reads.

    Args:
        target: What is asked for: a node.
        may_be_list: Tells whether the node at an address is, or for all that is known may be, a list.

    Raises:
        BadTarget: two slashes in a row, but not as `<list>/add[/<position>]/<model>//<name>` has them.
    """
    segments = target.address.split("/")
    if _CHANGES.isdisjoint(segments):
        found = None
    else:
        found = next((at for at in _places(segments) if may_be_list("/".join(segments[:at]))), None)
    if found is None:
        if target.list_separators:
            raise BadTarget("ambiguous-target", "two slashes stand where neither a list nor a search has them")
        return None
    address, what, tail = "/".join(segments[:found]), segments[found], segments[found + 1 :]
    if "" in segments[1:found]:
        raise BadTarget("ambiguous-target", "two slashes stand before what is changed in a list")
    if what != _ADD:
        if "" in tail:
            raise BadTarget("ambiguous-target", "two slashes stand in the name of an element")
        return ListChange(address, what)
    model = _model(tail)
    return ListChange(address, f"{_ADD} /{'/'.join(model)}" if model else _ADD)


def _places(segments: list[str]) -> list[int]:
    return [at for at, segment in enumerate(segments) if at >= _FIRST and segment in _CHANGES]


def _model(tail: list[str]) -> list[str]:
    """Return the segments of the model in `[<position>]/<model>[//<name>]`."""
    if "" in tail:
        if tail.index("") != len(tail) - _NAMED_TAIL:
            raise BadTarget("ambiguous-target", "a list takes one name, after the model and two slashes")
        tail = tail[:-_NAMED_TAIL]
        if not tail:
            raise BadTarget("ambiguous-target", "the new element of a list has a name, but no model")
    return tail[1:] if tail and tail[0].isdigit() else tail
