"""A draft as a file that loads: what a mapping cannot have is taken out, and told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from policy.loading import MAXIMUM_BYTES, DocumentError, check_document
from proxy.decoders.rest.mapping import MappingDocument
from proxy.drafting.draft import MappingDraft
from proxy.drafting.writing import text_of

_ROUTE = re.compile(r"routes\[(\d+)\]")


class DraftError(Exception):
    """No mapping comes of a draft; the text says why, and what helps."""


def checked(draft: MappingDraft) -> tuple[MappingDraft, str, MappingDocument]:
    """Return a draft without the routes that no mapping can have, with its text and what that says.

    Raises:
        DraftError: no route is left, or the file would be too large.
    """
    # One route less each time is enough: what is wrong with one does not hide what is wrong with another.
    for _ in range(len(draft.routes) + 1):
        text = text_of(draft)
        if len(text.encode()) > MAXIMUM_BYTES:
            raise DraftError(f"it makes more than {MAXIMUM_BYTES} bytes -- draft a part of it")
        try:
            return draft, text, check_document(text, Path("draft"), MappingDocument)
        except DocumentError as error:
            draft = _without(draft, error)
        if not draft.routes:
            break
    raise DraftError(draft.left_out[-1] if draft.left_out else "it has no request that a mapping could have")


def _without(draft: MappingDraft, error: DocumentError) -> MappingDraft:
    """Return a draft without the routes that problems name.

    Raises:
        DraftError: something else is wrong.
    """
    wrong = {int(found[1]): each for each in error.problems if (found := _ROUTE.match(each.location)) is not None}
    if not wrong:
        raise DraftError(f"{error.problems[0].location}: {error.problems[0].message}")
    told = tuple(f"{draft.routes[i].method} {draft.routes[i].path}: {wrong[i].message}" for i in sorted(wrong))
    kept = tuple(route for i, route in enumerate(draft.routes) if i not in wrong)
    return replace(draft, routes=kept, left_out=(*draft.left_out, *told))
