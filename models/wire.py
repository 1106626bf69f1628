"""Descriptors and models in few bytes, for links that are slow and paid by volume (paper, section V-A: 96 bytes).

Nothing is lost: sums are written as integers, but relative to their mean, where squares are small, and names once.
Bytes that come from elsewhere are checked: what is read again was written like this, or is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, get_type_hints

from models.access import Operation
from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.descriptor import Descriptor
from models.relationship import Key, Relationship
from models.varint import Quick, Reader, Source, Writer

MAX_ENTRIES = 4096
"""Entries of any one table in a message; a longer one is refused. A model may have more, if its reader says so."""
_NO_POINTS: Final = "no points have these sums"
_OPERATIONS: Final = tuple(operation.value for operation in Operation)


class NothingObserved(ValueError):
    """Well-formed bytes of sums that no observations have: of nothing at all, or with a negative variance."""


class Names:
    """Names and keys that were written or read before, so that each costs its length only once per connection."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}
        self._keys: dict[Key, int] = {}
        self._text_list: list[str] = []
        self._key_list: list[Key] = []

    def write_text(self, out: Writer, text: str) -> None:
        """Write a name: its number, or 0 and the name itself the first time."""
        number = self._texts.get(text)
        if number is not None:
            out.unsigned(number)
            return
        out.unsigned(0)
        out.text(text)
        self._learn_text(text)

    def read_text(self, data: Source) -> str:
        """Read a name.

        Raises:
            ValueError: the number was never given out, or the bytes are cut off.
        """
        number = data.unsigned()
        if not number:
            text = data.text()
            if text in self._texts:
                raise ValueError(f"{text!r} is introduced twice")
            self._learn_text(text)
            return text
        try:
            return self._text_list[number - 1]
        except IndexError:
            raise ValueError(f"there is no name {number}") from None

    def write_key(self, out: Writer, key: Key) -> None:
        """Write a joint relationship: its number, or 0 and its parts the first time."""
        number = self._keys.get(key)
        if number is not None:
            out.unsigned(number)
            return
        out.unsigned(0)
        out.unsigned(_OPERATIONS.index(key.operation) << 1 | key.own)
        self.write_text(out, key.partner)
        self.write_text(out, key.data_type)
        self._learn_key(key)

    def read_key(self, data: Source) -> Key:
        """Read a joint relationship.

        Raises:
            ValueError: the number was never given out, the operation does not exist, or the bytes are cut off.
        """
        number = data.unsigned()
        if not number:
            what = data.unsigned()
            if what >> 1 >= len(_OPERATIONS):
                raise ValueError(f"there is no operation {what >> 1}")
            key = Key(self.read_text(data), bool(what & 1), _OPERATIONS[what >> 1], self.read_text(data))
            if key in self._keys:
                raise ValueError(f"{key} is introduced twice")
            self._learn_key(key)
            return key
        if number > len(self._key_list):
            raise ValueError(f"there is no relationship {number}")
        return self._key_list[number - 1]

    def _learn_text(self, text: str) -> None:
        self._text_list.append(text)
        self._texts[text] = len(self._text_list)

    def _learn_key(self, key: Key) -> None:
        self._key_list.append(key)
        self._keys[key] = len(self._key_list)


def encode_descriptor(descriptor: Descriptor, names: Names) -> bytes:
    """Return the bytes of a descriptor; `names` are those of all descriptors on this connection, in order."""
    out = Writer()
    names.write_text(out, descriptor.service_type)
    out.unsigned(descriptor.minute)
    out.unsigned(descriptor.minutes)
    _write_relationships(out, names, descriptor.relationships, descriptor.minute)
    out.unsigned(len(descriptor.partners))
    for partner, count in descriptor.partners.items():
        names.write_text(out, partner)
        out.unsigned(count)
    return bytes(out.buffer)


def decode_descriptor(data: bytes, names: Names) -> Descriptor:
    """Read a descriptor.

    Raises:
        ValueError: these bytes are no descriptor, or others came before it than were written.
    """
    read = Reader(data)
    service_type = names.read_text(read)
    minute, minutes = read.unsigned(), read.unsigned()
    relationships = _read_relationships(read, names, minute)
    partners = _read_table(read, lambda: names.read_text(read), read.unsigned)
    read.end()
    return Descriptor(
        service_type=service_type, minute=minute, minutes=minutes, relationships=relationships, partners=partners
    )


def encode_model(model: CommunicationModel) -> bytes:
    """Return the bytes of a model. They stand for themselves."""
    out, names = Writer(), Names()
    times = [each.fast for each in model.relationships.values()]
    points = sum(each.n for each in times)
    base = sum(each.t for each in times) // points if points else 0
    out.text(model.service_type)
    out.unsigned(model.weight)
    out.unsigned(base)
    _write_relationships(out, names, model.relationships, base)
    out.unsigned(len(model.partners))
    for partner, feature in model.partners.items():
        names.write_text(out, partner)
        _write_feature(out, names, feature, base)
    return bytes(out.buffer)


def decode_model(data: bytes, *, most: int = MAX_ENTRIES) -> CommunicationModel:
    """Read a model.

    Args:
        data: Bytes.
        most: Joint relationships, and partner types, that it may have: a sum of k origins has up to k · `MAX_KEYS`.

    Raises:
        ValueError: these bytes are no model.
    """
    return _read(lambda read: _read_model(read, most), data)


def happened(data: bytes) -> bytes:
    """Return what of the bytes of a model says what happened: the same where only its weight has grown since.

    Raises:
        ValueError: these bytes are no model.
    """
    read = Reader(data)
    read.text()
    read.unsigned()
    return read.take(read.rest)


def decode_happened(service_type: str, data: bytes) -> CommunicationModel:
    """Read what `happened` returned: a model of no weight.

    Raises:
        ValueError: these bytes are something else.
    """
    return _read(lambda read: _read_happened(read, service_type, 0, MAX_ENTRIES), data)


def _read[T](form: Callable[[Source], T], data: bytes) -> T:
    """Read in a hurry; what cannot be read like that is read with care, which tells why."""
    try:
        return form(Quick(data))
    except (StopIteration, ValueError):
        return form(Reader(data))


def _read_model(read: Source, most: int) -> CommunicationModel:
    service_type = read.text()
    return _read_happened(read, service_type, read.unsigned(), most)


def _read_happened(read: Source, service_type: str, weight: int, most: int) -> CommunicationModel:
    names, base = Names(), read.unsigned()
    relationships = _read_relationships(read, names, base, most)
    partners = _read_table(read, lambda: names.read_text(read), lambda: _read_feature(read, names, base), most)
    read.end()
    return CommunicationModel(service_type=service_type, weight=weight, relationships=relationships, partners=partners)


def _read_length(read: Source, most: int = MAX_ENTRIES) -> int:
    length = read.unsigned()
    if length > most:
        raise ValueError(f"a table of {length} entries, more than {most}")
    return length


def _read_table[K, V](
    read: Source, key: Callable[[], K], value: Callable[[], V], most: int = MAX_ENTRIES
) -> dict[K, V]:
    """Read a table. Entries of nothing are refused, as sums have none: they would be lost when others are taken out."""
    found: dict[K, V] = {}
    for _ in range(_read_length(read, most)):
        name = key()
        if name in found:
            raise ValueError(f"{name!r} is told twice")
        found[name] = each = value()
        if not each:
            raise NothingObserved(f"of {name!r} there is nothing")
    return found


def _write_relationships(out: Writer, names: Names, relationships: dict[Key, Relationship], base: int) -> None:
    out.unsigned(len(relationships))
    for key, relationship in relationships.items():
        names.write_key(out, key)
        present = [
            (number, value) for number, (name, _, _) in enumerate(_FIELDS) if (value := getattr(relationship, name))
        ]
        out.unsigned(sum(1 << number for number, _ in present))
        for number, value in present:
            _FIELDS[number][1](out, names, value, base)


def _read_relationships(read: Source, names: Names, base: int, most: int = MAX_ENTRIES) -> dict[Key, Relationship]:
    found: dict[Key, Relationship] = {}
    for _ in range(_read_length(read, most)):
        key = names.read_key(read)
        if key in found:
            raise ValueError(f"{key!r} is told twice")
        present = read.unsigned()
        if not present:
            raise NothingObserved("a relationship without content")
        if present >> len(_FIELDS):
            raise ValueError("a relationship with unknown fields")
        fields = {}
        for name, reader in _readers(present):
            fields[name] = each = reader(read, names, base)
            if not each:
                raise NothingObserved(f"a relationship with an empty {name}")
        found[key] = Relationship(**fields)
    return found


@lru_cache(maxsize=256)
def _readers(present: int) -> tuple[tuple[str, _Read], ...]:
    return tuple((name, reader) for number, (name, _, reader) in enumerate(_FIELDS) if present >> number & 1)


def _write_feature(out: Writer, _names: Names, feature: ClusteringFeature, base: int) -> None:
    """Write N, LS, SS, sum t, sum t^2: squares as those of the differences from the rounded mean, which is exact."""
    n, ls, ss = feature.n, feature.ls, feature.ss
    t = feature.t - n * base
    tt = feature.tt - base * (feature.t + t)
    centre = ls // n if n else 0
    timed = bool(t or tt)
    out.unsigned(n << 1 | timed)
    out.signed(ls)
    out.unsigned(ss - centre * (2 * ls - n * centre))
    if timed:
        middle = t // n
        out.signed(t)
        out.unsigned(tt - middle * (2 * t - n * middle))


def _read_feature(read: Source, _names: Names, base: int) -> ClusteringFeature:
    # Most of what is read are features, so this is written out: integers are small until the means are added again.
    unsigned = read.unsigned
    head, zigzag, ss = unsigned(), unsigned(), unsigned()
    n, ls = head >> 1, -(zigzag + 1 >> 1) if zigzag & 1 else zigzag >> 1
    if not n:
        if ls or ss:
            raise NothingObserved(_NO_POINTS)
        return ClusteringFeature()
    centre = ls // n
    off = ls - n * centre
    if off * off > n * ss:
        raise NothingObserved(_NO_POINTS)
    ss += centre * (ls + off)
    if not head & 1:
        return ClusteringFeature(n, ls, ss, n * base, n * base * base)
    zigzag, tt = unsigned(), unsigned()
    t = -(zigzag + 1 >> 1) if zigzag & 1 else zigzag >> 1
    middle = t // n
    off = t - n * middle
    if off * off > n * tt:
        raise NothingObserved(_NO_POINTS)
    # The squares of times are those of the differences from base + middle, of which the points are `off` apart in all.
    middle += base
    t = n * middle + off
    return ClusteringFeature(n, ls, ss, t, tt + middle * (t + off))


def _write_count(out: Writer, _names: Names, count: int, _base: int) -> None:
    out.unsigned(count)


def _read_count(read: Source, _names: Names, _base: int) -> int:
    return read.unsigned()


def _write_counts(out: Writer, names: Names, counts: Counts, _base: int) -> None:
    out.unsigned(len(counts))
    for category, times in counts.items():
        names.write_text(out, category)
        out.unsigned(times)


def _read_counts(read: Source, names: Names, _base: int) -> Counts:
    found = Counts()
    for _ in range(_read_length(read)):
        name = names.read_text(read)
        if name in found:
            raise ValueError(f"{name!r} is told twice")
        found[name] = times = read.unsigned()
        if not times:
            raise NothingObserved(f"of {name!r} there is nothing")
    return found


def _write_bins(out: Writer, names: Names, bins: dict[int, ClusteringFeature], base: int) -> None:
    out.unsigned(len(bins))
    for index, feature in bins.items():
        out.signed(index)
        _write_feature(out, names, feature, base)


def _read_bins(read: Source, names: Names, base: int) -> dict[int, ClusteringFeature]:
    return _read_table(read, read.signed, lambda: _read_feature(read, names, base))


def _write_numbers(out: Writer, _names: Names, numbers: dict[int, int], _base: int) -> None:
    out.unsigned(len(numbers))
    for index, times in numbers.items():
        out.signed(index)
        out.unsigned(times)


def _read_numbers(read: Source, _names: Names, _base: int) -> dict[int, int]:
    # As `_read_table`; written out, since there are many.
    unsigned = read.unsigned
    found: dict[int, int] = {}
    for _ in range(_read_length(read)):
        zigzag = unsigned()
        index = -(zigzag + 1 >> 1) if zigzag & 1 else zigzag >> 1
        if index in found:
            raise ValueError(f"{index!r} is told twice")
        found[index] = times = unsigned()
        if not times:
            raise NothingObserved(f"of {index!r} there is nothing")
    return found


type _Write = Callable[[Writer, Names, Any, int], None]
type _Read = Callable[[Source, Names, int], Any]

_FORMS: dict[Any, tuple[_Write, _Read]] = {
    int: (_write_count, _read_count),
    Counts: (_write_counts, _read_counts),
    ClusteringFeature: (_write_feature, _read_feature),
    dict[int, ClusteringFeature]: (_write_bins, _read_bins),
    dict[int, int]: (_write_numbers, _read_numbers),
}
_FIELDS: Final = tuple((name, *_FORMS[form]) for name, form in get_type_hints(Relationship).items())
"""Fields of a relationship in their order. One that is added gets the next bit."""
