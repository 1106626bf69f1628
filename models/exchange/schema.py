"""What the integers of a contribution mean, as a hash: sums over keys of another meaning must not be added.

The hash is taken over what the grids and tables answer, not over their source: two versions of this program that count
alike have the same one.
"""

from __future__ import annotations

import hashlib
from typing import Final, get_type_hints

import msgspec

from models.access import Operation
from models.categorical import OTHER_ROOM, SAME_ROOM
from models.communication_model import CommunicationModel
from models.descriptor import MINUTE
from models.flood import FAST, SLOW, UNIT
from models.periodicity import bin_of
from models.relationship import Key, Relationship
from models.sequence import SPANS, category, mark_of
from models.values import read

WIRE = 1
"""Of the bytes themselves (`models.wire`, `models.exchange.envelope`)."""
_GAPS = tuple(sorted({part << doublings >> 4 for doublings in range(48) for part in range(16, 32)}))
"""Each bin of periods has one of them, up to years."""
_NUMBERS = tuple(
    sign * part * 2.0**doublings for sign in (1, -1) for doublings in range(-16, 62) for part in (8, 11, 15)
)
_TEXTS = ("", "nan", "inf", "true", "Off", "yes", "{}", "[1]", "<a/>", "1,5", "celsius", "open", "x" * 65, "{" * 65)
_KEYS = tuple(
    Key(partner, own, operation.value, data_type)
    for partner, data_type in (("/a", "/basic/text"), ("", ""))
    for own in (True, False)
    for operation in Operation
)


def _described() -> bytes:
    fields = [(kind.__name__, list(get_type_hints(kind))) for kind in (CommunicationModel, Relationship, Key)]
    lags = sorted({0, *(span + step for span in SPANS for step in (-1, 0))})
    return msgspec.json.encode(
        {
            "wire": WIRE,
            "fields": fields,
            "operations": [operation.value for operation in Operation],
            "rooms": [SAME_ROOM, OTHER_ROOM],
            "minute": MINUTE,
            "flood": [FAST, SLOW, UNIT],
            "gaps": [bin_of(gap) for gap in _GAPS],
            "values": [read(text).category for text in (*map(repr, _NUMBERS), *_TEXTS)],
            "marks": [mark_of(key) for key in _KEYS],
            "sequence": [category(1, before, lag) for before in (None, 0, 1, 127) for lag in lags],
        }
    )


SCHEMA: Final = hashlib.blake2b(_described(), digest_size=8, person=b"alleyes schema").digest()
"""Eight bytes at the beginning of whatever origins exchange."""
