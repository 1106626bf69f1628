"""Bytes that the origins of a federation and its services send each other, checked when they are read.

All begin with the schema (`models.exchange.schema`): eight bytes that say what the integers mean. Then come

* a contribution: epoch, sequence, model;
* a sum: version, number of origins, how many of them show each relationship, in the model's order, and the model;
* what a node is told: the sum of its site and that of the other sites, each after its length, 0 where there is none.

Integers are those of `models.varint`, models those of `models.wire`. Work is bounded by the number of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from models.communication_model import MAX_KEYS, CommunicationModel
from models.contributions import Contribution
from models.exchange.names import names_a_type
from models.exchange.plausibility import ANY_MINUTE, CLOCKS_DIFFER, BadContribution, check_model, check_name
from models.exchange.schema import SCHEMA
from models.exchange.shared import Others, Shared
from models.relationship import Key
from models.varint import Reader, Writer
from models.wire import MAX_ENTRIES, NothingObserved, decode_model, encode_model

__all__ = [
    "ANY_MINUTE",
    "MAX_BYTES",
    "MAX_OTHERS_BYTES",
    "MAX_STAMP",
    "BadContribution",
    "decode_contribution",
    "decode_others",
    "decode_shared",
    "encode_contribution",
    "encode_others",
    "encode_shared",
    "model_of",
    "stamp_of",
]

MAX_BYTES = 64 * 1024
"""Of a contribution: some hundred times as many as usual."""
MAX_SHARED_BYTES = 1024 * 1024
"""Of a sum."""
MAX_OTHERS_BYTES = 2 * MAX_SHARED_BYTES + 64
"""Of what a node is told."""
MAX_STAMP = (1 << 53) - 1
"""Of epochs and sequences: what every reader of JSON takes for an integer."""
MAX_ORIGINS = 1 << 32
"""Of a sum."""
_VERSION = re.compile(r"[0-9a-f]{1,64}")


def encode_contribution(contribution: Contribution) -> bytes:
    """Return the bytes of a contribution.

    Relationships with names that do not look like names of types are left out: what a service made up stays on the
    node, and the rest is not refused for it. Of a model that is too large what was seen most stays.

    Raises:
        BadContribution: the name of the service type does not look like one (`type`).
    """
    model = contribution.model
    check_name(model.service_type, "service type")
    out = Writer()
    out.unsigned(contribution.epoch)
    out.unsigned(contribution.sequence)
    start = SCHEMA + out.buffer
    presentable = msgspec.structs.replace(
        model,
        relationships={key: each for key, each in model.relationships.items() if _presentable(key)},
        partners={partner: each for partner, each in model.partners.items() if not partner or names_a_type(partner)},
    )
    _, data = _cut(presentable, MAX_KEYS, MAX_BYTES - len(start), lambda key: model.relationships[key].weight)
    return start + data


def decode_contribution(service_type: str, data: bytes, *, now_minute: int) -> Contribution:
    """Read a contribution.

    Args:
        service_type: Of which it is said to be.
        data: Bytes from anybody.
        now_minute: Event time in minutes since the epoch.

    Raises:
        BadContribution: these bytes are none that could be merged; `code` says why.
    """
    read = _begin(data, MAX_BYTES)
    with _READING:
        epoch, sequence = _stamp(read)
        model = decode_model(read.take(read.rest), most=MAX_KEYS)
    _check_type(model, service_type)
    check_model(model, now_minute=now_minute)
    return Contribution(epoch=epoch, sequence=sequence, model=model)


def stamp_of(data: bytes) -> tuple[int, int]:
    """Read the epoch and the sequence of a contribution, and nothing else: what came before need not be read again.

    Raises:
        BadContribution: as `decode_contribution`.
    """
    read = _begin(data, MAX_BYTES)
    with _READING:
        return _stamp(read)


def model_of(data: bytes) -> bytes:
    """Return the bytes of a contribution's model (`models.wire`).

    Raises:
        BadContribution: as `decode_contribution`.
    """
    read = _begin(data, MAX_BYTES)
    with _READING:
        _stamp(read)
        return read.take(read.rest)


def encode_shared(shared: Shared) -> bytes:
    """Return the bytes of a sum.

    Of one that is too large, as hostile origins may make it, what most origins show stays, of that what was seen most.
    """
    return SCHEMA + _shared(shared)


def decode_shared(service_type: str, data: bytes, *, now_minute: int) -> Shared:
    """Read a sum; as `decode_contribution`, but that its times may be ahead by another `CLOCKS_DIFFER` minutes."""
    return _read_shared(_begin(data, MAX_OTHERS_BYTES), service_type, now_minute)


def encode_others(others: Others) -> bytes:
    """Return the bytes of what a node is told; as `encode_shared`."""
    parts = [b"" if each is None else _shared(each) for each in (others.site, others.elsewhere)]
    out = Writer()
    for part in parts:
        out.unsigned(len(part))
        out.buffer += part
    return SCHEMA + out.buffer


def decode_others(service_type: str, data: bytes, *, now_minute: int) -> Others:
    """Read what a node is told; as `decode_shared`."""
    read = _begin(data, MAX_OTHERS_BYTES)
    with _READING:
        site, elsewhere = (Reader(read.take(read.unsigned())) for _ in range(2))
        read.end()
    return Others(
        site=_read_shared(site, service_type, now_minute) if site.rest else None,
        elsewhere=_read_shared(elsewhere, service_type, now_minute) if elsewhere.rest else None,
    )


def _stamp(read: Reader) -> tuple[int, int]:
    epoch, sequence = read.unsigned(), read.unsigned()
    if max(epoch, sequence) > MAX_STAMP:
        raise ValueError(f"an epoch or a sequence is greater than {MAX_STAMP}")
    return epoch, sequence


def _shared(shared: Shared) -> bytes:
    """Return all but the schema: the version, the number of origins, the supporters, the model."""
    supporters = shared.supporters
    relationships = shared.model.relationships
    model, data = _cut(
        shared.model, MAX_ENTRIES, MAX_SHARED_BYTES, lambda key: (supporters[key], relationships[key].weight)
    )
    out = Writer()
    out.text(shared.version)
    out.unsigned(shared.origins)
    out.unsigned(len(model.relationships))
    for key in model.relationships:
        out.unsigned(supporters[key])
    return bytes(out.buffer) + data


def _read_shared(read: Reader, service_type: str, now_minute: int) -> Shared:
    with _READING:
        version, origins, length = read.text(), read.unsigned(), read.unsigned()
        if not _VERSION.fullmatch(version):
            raise ValueError("a version is up to 64 hexadecimal digits")
        if length > MAX_ENTRIES:
            raise ValueError(f"supporters of {length} relationships, more than {MAX_ENTRIES}")
        counts = [read.unsigned() for _ in range(length)]
        model = decode_model(read.take(read.rest))
        if len(model.relationships) != length:
            raise ValueError(f"supporters of {length} relationships, of which there are {len(model.relationships)}")
    _check_type(model, service_type)
    if origins > MAX_ORIGINS or not all(1 <= count <= origins for count in counts):
        raise BadContribution("feature", f"the sum of {origins} origins cannot have these supporters")
    # Its times have been looked at by a service, whose clock is another one.
    check_model(model, now_minute=now_minute + CLOCKS_DIFFER, origins=origins)
    supporters = dict(zip(model.relationships, counts, strict=True))
    return Shared(version=version, origins=origins, supporters=supporters, model=model)


def _cut(
    model: CommunicationModel, keys: int, most: int, rank: Callable[[Key], Any]
) -> tuple[CommunicationModel, bytes]:
    """Return what of a model has so many keys and bytes at most, and its bytes: that of the highest rank."""
    relationships, partners = model.relationships, model.partners
    while True:
        model = msgspec.structs.replace(
            model,
            relationships=_first(relationships, keys, lambda key: (rank(key), key)),
            partners=_first(partners, keys, lambda partner: (partners[partner].n, partner)),
        )
        data = encode_model(model)
        if len(data) <= most:
            return model, data
        keys = min(keys, max(len(relationships), len(partners))) // 2


def _first[K, V](entries: dict[K, V], number: int, rank: Callable[[K], Any]) -> dict[K, V]:
    """Return so many entries of the highest rank, in their order."""
    if len(entries) <= number:
        return entries
    kept = set(sorted(entries, key=rank, reverse=True)[:number])
    return {key: each for key, each in entries.items() if key in kept}


def _presentable(key: Key) -> bool:
    return all(not name or names_a_type(name) for name in (key.partner, key.data_type))


def _begin(data: bytes, most: int) -> Reader:
    """Return a reader of what follows the schema."""
    if len(data) > most:
        raise BadContribution("size", f"{len(data)} bytes, of at most {most}")
    if data[: len(SCHEMA)] != SCHEMA:
        raise BadContribution(
            "schema" if len(data) >= len(SCHEMA) else "malformed",
            f"these bytes are of schema {data[: len(SCHEMA)].hex() or 'none'}, this program reads {SCHEMA.hex()}: "
            "both sides need versions that count alike",
        )
    read = Reader(data)
    read.take(len(SCHEMA))
    return read


class _Reading:
    """Tells that bytes cannot be read, and why. Stateless, so one is enough for all that is read."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NothingObserved):
            raise BadContribution("feature", str(error)) from None
        if isinstance(error, ValueError):
            raise BadContribution("malformed", str(error)) from None


_READING = _Reading()


def _check_type(model: CommunicationModel, service_type: str) -> None:
    if model.service_type != service_type:
        raise BadContribution("type", f"this is a model of {model.service_type[:64]!r}, not of {service_type[:64]!r}")
