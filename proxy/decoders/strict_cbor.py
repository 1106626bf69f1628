"""CBOR without the freedoms in which two parsers disagree (RFC 8949, sections 3 and 5), as Jackson writes it.

It gives and takes the objects of `strict_json`, so that what was read in one form can be written in the other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any, NoReturn
from uuid import UUID

import cbor2

from proxy.decoders.strict_json import Number

_DEEPEST = 16
_UUIDS = frozenset({"callbackId"})
"""Members of the outermost object that Jackson writes as byte strings of 16 bytes. The VSL has no other ones."""
_UUID_BYTES = 16
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_INTEGERS = range(-(2**64), 2**64)
"""What CBOR writes without a tag."""
_LONGEST_NUMBER = 64


class NotStrictCbor(ValueError):
    """Bytes that are not CBOR, or that two parsers could read differently, or that JSON has no form for."""


def _no_tag(*_: object) -> NoReturn:
    raise NotStrictCbor("tags are not part of the protocol")


class _NoTags(Mapping[int, Callable[..., NoReturn]]):
    """Stands in for the decoders of all tags: they make numbers, dates, patterns and mails, and share objects."""

    def __getitem__(self, tag: int) -> Callable[..., NoReturn]:
        return _no_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


_NO_TAGS = _NoTags()


def parse(body: bytes) -> Any:
    """Parse one CBOR item into what `strict_json.parse` gives for its JSON.

    Numbers come as `strict_json.Number`. The member `callbackId` of the outermost object, where it is a byte string of
    16 bytes, comes as the text form of that UUID. Work and memory grow with the length of the body, whatever lengths it
    declares; the caller bounds that.

    Raises:
        NotStrictCbor: the bytes are not one CBOR item; it holds a member name that is no text or occurs twice, a tag, a
            byte string anywhere else, a number without digits, `undefined` or another simple value; a text is not
            UTF-8; or it is nested deeper than 16 levels.
    """
    source = BytesIO(body)
    try:
        item = cbor2.CBORDecoder(
            source,
            semantic_decoders=_NO_TAGS,
            max_depth=_DEEPEST + 1,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        ).decode()
    except cbor2.CBORDecodeError as error:
        raise NotStrictCbor(f"the body is not strict CBOR: {error.__cause__ or error}") from error
    if source.tell() != len(body):
        raise NotStrictCbor("bytes follow the CBOR item")
    return _as_json(item, 0)


def _as_json(item: Any, level: int) -> Any:
    if level > _DEEPEST:
        raise NotStrictCbor(f"nested deeper than {_DEEPEST} levels")
    match item:
        case str() | bool() | None:
            return item
        case dict():
            return {_name(name): _member(name, inner, level + 1) for name, inner in item.items()}
        case list():
            return [_as_json(inner, level + 1) for inner in item]
        case int():
            return Number(item)
        case float() if math.isfinite(item):
            return Number(repr(item))
        case float():
            raise NotStrictCbor(f"{item} has no form in JSON")
        case bytes():
            raise NotStrictCbor("a byte string where none belongs")
    raise NotStrictCbor(f"{item!r} has no form in JSON")


def _name(name: str | bytes) -> str:
    if isinstance(name, bytes):
        raise NotStrictCbor("a member name is a byte string")
    return name


def _member(name: str | bytes, item: Any, level: int) -> Any:
    if level == 1 and name in _UUIDS and isinstance(item, bytes):
        if len(item) != _UUID_BYTES:
            raise NotStrictCbor(f"the {name!r} has {len(item)} bytes instead of {_UUID_BYTES}")
        return str(UUID(bytes=item))
    return _as_json(item, level)


def serialise(value: Any) -> bytes:
    """Return the CBOR of what `parse` or `strict_json.parse` gives, in Jackson's form.

    Objects and arrays have no declared length. A `Number` is written as the number it was, not digit for digit (1.50 is
    1.5), and the UUID of the outermost `callbackId` as its 16 bytes.

    Raises:
        TypeError: the value holds something else than objects, arrays, texts, integers, `Number`, booleans and null.
        ValueError: it holds a number that CBOR would round or must tag, or a `callbackId` that is not a UUID.
    """
    plain = _as_cbor(value)
    if isinstance(value, dict):
        plain |= {name: _uuid(value[name]) for name in _UUIDS if type(value.get(name)) is str}
    return cbor2.dumps(plain, indefinite_containers=True)


def _as_cbor(value: Any) -> Any:
    match value:
        case dict():
            return {_own_name(name): _as_cbor(inner) for name, inner in value.items()}
        case list():
            return [_as_cbor(inner) for inner in value]
        case Number():
            return _number(value)
        case str() | None | bool():
            return value
        case int():
            return _in_range(value)
    raise TypeError(f"{type(value).__name__} is not written")


def _own_name(name: Any) -> str:
    if type(name) is not str:
        raise TypeError(f"a member name of type {type(name).__name__} is not written")
    return name


def _uuid(text: str) -> bytes:
    uuid = UUID(text)
    if str(uuid) != text.lower():
        raise ValueError(f"{text!r} is not the text form of a UUID")
    return uuid.bytes


def _number(digits: Number) -> int | float:
    if _INTEGER.fullmatch(digits):
        return _in_range(int(digits))
    if len(digits) <= _LONGEST_NUMBER:
        nearest = float(digits)
        if math.isfinite(nearest) and Decimal(repr(nearest)) == Decimal(digits):
            return nearest
    raise ValueError(f"CBOR has no exact form for the number {digits[:_LONGEST_NUMBER]}")


def _in_range(number: int) -> int:
    if number not in _INTEGERS:
        raise ValueError(f"CBOR has no form without a tag for the number {number}")
    return number
