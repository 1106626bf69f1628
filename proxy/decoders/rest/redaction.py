"""A call's own credential, taken out of whatever is written down of the call."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from proxy.decoders import strict_json
from proxy.decoders.rest.accesses import Step
from proxy.decoders.rest.template import escaped

HIDDEN = "<token>"
SHORTEST = 8
"""Characters of a credential that is looked for elsewhere: a shorter one would hide what was judged, as `on`."""


def spellings(credentials: Iterable[str]) -> tuple[str, ...]:
    """Return how credentials may be written in addresses, targets, JSON and texts; the longest first."""
    found: set[str] = set()
    for each in credentials:
        if len(each) >= SHORTEST:
            found.add(each)
            if not each.isalnum():
                found.update((escaped(each), quote(each, safe=""), strict_json.serialise(each)[1:-1].decode()))
    return tuple(sorted(found, key=len, reverse=True))


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text without the credentials."""
    for each in secrets:
        if each in text:
            text = text.replace(each, HIDDEN)
    return text


def without_secrets(step: Step, secrets: tuple[str, ...]) -> Step:
    """Return what is done without the credentials in its value and addresses."""
    value = None if step.value is None else redacted(step.value, secrets)
    destination, node = redacted(step.destination, secrets), redacted(step.node, secrets)
    if (value, destination, node) == (step.value, step.destination, step.node):
        return step
    return msgspec.structs.replace(step, value=value, destination=destination, node=node)
