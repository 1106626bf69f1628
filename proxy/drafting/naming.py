"""Guesses, from a path alone, which service it is about, of which type, and which node of it.

What stands before the first variable is taken for the kind of the service, and the variable for which one of them it
is: `/api/lights/{light}/state` is the node `state` of the service `light-{light}` of the type `/hue/light`. A path
without variables is about the service that its first segment names. Variables that are words, as `lock` and `unlock`,
rather say what is done: they are a part of the node, as nothing is learnt of a service but its type. Operators correct
that; a program cannot know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from policy.inferred import PREFIX, is_inferred

RESERVED = frozenset({"basic", "ha", "hue", "openhab", "shelly", "tasmota", "untyped", "wot"})
"""First segments of types that shipped mappings, Things and data types have."""
_INTERFACE = re.compile(r"api|rest|json|rpc|cm|v[0-9]+([._][0-9]+)*", re.IGNORECASE)
"""Segments that name an interface rather than a thing behind it."""
_WITHOUT_MEANING = frozenset(
    {"a", "an", "the", "of", "for", "and", "api", "rest", "restful", "http", "https", "openapi", "swagger", "service"}
)
_ADDRESS = re.compile(r"[^A-Za-z0-9._:-]+")
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_LONGEST_SLUG = 24


class NamespaceError(Exception):
    """A draft cannot have its types below a name; the text says why, and what helps."""


class Naming(NamedTuple):
    """What a path is about."""

    service: str
    service_type: str
    node: str
    """Below the service; empty for the service itself."""
    variables: tuple[str, ...]
    """Of the template, those that say which service it is."""


def slug(text: str) -> str:
    """Return a short name in lower case, from a title: `Philips Hue bridge API v1` is `philips-hue-bridge`."""
    words = [word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _WITHOUT_MEANING]
    words = [word for word in words if not re.fullmatch(r"v?[0-9]+", word)]
    short = ""
    for word in words:
        if short and len(short) + 1 + len(word) > _LONGEST_SLUG:
            break
        short = f"{short}-{word}" if short else word[:_LONGEST_SLUG]
    return short or "device"


def namespace(wanted: str | None, otherwise: str) -> str:
    """Return the first segment of the types of a draft.

    Args:
        wanted: What the operator wants; None: nothing.
        otherwise: What it is called by itself, which may be chosen by strangers.

    Raises:
        NamespaceError: types of that name are not for it.
    """
    found = _address(wanted or otherwise)
    if is_inferred(f"/{found}/"):
        raise NamespaceError(f"{PREFIX}... are types that were inferred -- give another --name")
    if wanted is None and found in RESERVED:
        raise NamespaceError(
            f"its types would be /{found}/..., as those of what is shipped, and would be learnt with them -- give"
            f" another --name, or `--name {found}` if that is meant"
        )
    return found


def singular(word: str) -> str:
    """Return what one of them is called, where a word looks like an English plural."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "as")) and len(word) > len("bus"):
        return word[:-1]
    return word


def variable_of(segment: str) -> str | None:
    """Return the variable that a segment is, None where it is a literal."""
    found = _VARIABLE.fullmatch(segment)
    return None if found is None else found.group(1)


def has_single_ones(path: str, paths: Collection[str]) -> bool:
    """Tell whether single ones of what a path names have paths of their own, one variable below it."""
    below = f"{path.rstrip('/')}/{{"
    return any(other.startswith(below) and "/" not in other[len(below) :] for other in paths)


def interface(templates: Sequence[Sequence[str]]) -> int:
    """Return how many of the first segments of all paths name the interface, and nothing behind it."""
    if not templates:
        return 0
    length = 0
    first = templates[0]
    while all(
        len(each) > length + 1 and each[length] == first[length] and variable_of(each[length + 1]) is None
        for each in templates
    ):
        if variable_of(first[length]) is not None or (len(templates) == 1 and not _INTERFACE.fullmatch(first[length])):
            break
        length += 1
    return length


def naming(
    name: str, segments: Sequence[str], common: int, words: Collection[str] = (), *, commands: bool = False
) -> Naming:
    """Guess what a path is about.

    Args:
        name: Short name of the middleware, the first segment of its types.
        segments: Of the path template; variables in braces.
        common: How many of the first ones all paths share (`interface`).
        words: Variables that are words: a part of the node where they follow the one that says which service it is.
        commands: A word that is all that varies, at the end, is what is done as well.
    """
    rest = [each for each in segments[common:] if each]
    while len(rest) > 1 and _INTERFACE.fullmatch(rest[0]):
        rest = rest[1:]
    literals: list[str] = []
    while rest and variable_of(rest[0]) is None:
        literals.append(rest.pop(0))
    if not rest:
        # Nothing varies: the first segment is the service, what follows is below it.
        service, *below = literals or [name]
        return Naming(_address(service), f"/{_address(name)}/{_address(singular(service))}", _joined(below), ())
    kind = singular(literals[-1]) if literals else name
    which: list[str] = []
    alone = commands and len(rest) == 1
    while rest and (variable := variable_of(rest[0])) is not None:
        if variable in words and (which or alone):
            break
        which.append(variable)
        rest.pop(0)
    service = "-".join([_address(kind), *(f"{{{variable}}}" for variable in which)])
    return Naming(service, f"/{_address(name)}/{_address(kind)}", _joined(rest), tuple(which))


def doubts(named: Naming, known: Collection[str] = ()) -> list[str]:
    """Return what there is to decide about variables that follow another one in the name of a service.

    Args:
        named: The guess.
        known: Variables of which that is asked already.
    """
    return [
        f"{each}: taken for a part of which service it is. If it says what is done, as lock and unlock do, move it into"
        " `node`, with its `choices` in `ranges`, or with `decides: true`"
        for each in named.variables[1:]
        if each not in known
    ]


def _joined(segments: Sequence[str]) -> str:
    return "/".join(each if variable_of(each) is not None else _address(each) for each in segments)


def _address(text: str) -> str:
    """Return text in the alphabet of addresses."""
    plain = _ADDRESS.sub("-", text).strip("-.") or "value"
    # What begins with an underscore is reserved for names that no middleware gives.
    return f"x{plain}" if plain.startswith("_") else plain
