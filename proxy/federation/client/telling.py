"""What of an origin's candidates is told to a service: what it would take, and no more than it has room for."""

from __future__ import annotations

import msgspec

from models.exchange.names import names_a_type
from models.exchange.plausibility import BadContribution, check_candidate
from models.exchange.showings import Showing, Showings
from models.exchange.vouching import within_caps
from proxy.federation.messages import MAX_CANDIDATES_BYTES, Candidates


def presentable(showings: Showings) -> Showings:
    """Return showings without those whose names are not those of types: what a service made up stays on the node."""
    return within_caps(
        Showings(
            instances={name: count for name, count in showings.instances.items() if names_a_type(name)},
            open=[each for each in showings.open if _is_sound(each)],
        )
    )


def told(showings: Showings, epoch: int, sequence: int) -> bytes:
    """Return the bytes of a telling. Of more candidates than there is room for, the last ones are left out."""
    opened = showings.open
    while True:
        content = Candidates(epoch=epoch, sequence=sequence, instances=showings.instances, open=opened)
        body = msgspec.json.encode(content)
        if len(body) <= MAX_CANDIDATES_BYTES or not opened:
            return body
        opened = opened[: len(opened) // 2]


def _is_sound(showing: Showing) -> bool:
    try:
        check_candidate(showing.candidate)
    except BadContribution:
        return False
    return True
