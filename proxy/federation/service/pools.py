"""The sums of a service, in memory: a pool for each service type, and who shows which candidates.

They are a pure function of what the store holds, so that any number of processes over one store say the same.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec
import structlog

from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import ANY_MINUTE, BadContribution, decode_contribution, encode_others, model_of
from models.exchange.plausibility import AHEAD, CLOCKS_DIFFER, newest_minute
from models.exchange.pool import Pool
from models.exchange.shared import Others, Shared
from models.exchange.showings import Showings
from models.exchange.vouching import Ballot
from proxy.clocks import EventClock
from proxy.federation.configuration import ServiceLimits
from proxy.federation.messages import ModelEntry
from proxy.federation.service.waiting import Changes
from proxy.federation.storage.base import Row
from proxy.federation.topics import SHOWINGS, model_topic, type_of

MODELS = "models"
"""What those wait for who want to know of all service types."""
_HASH = 256
"""Bytes of a summand of the list's version: as of those of a sum's (`models.exchange.pool`), for the same reason."""
_MODULUS = 1 << 8 * _HASH
_PART = 16
"""The part, one of so many, of what room there is for service types, of which one origin may be the first."""
_FIRST = 16
"""Service types of which an origin may be the first wherever there is room."""
_KEPT = 64
"""Encoded sums that are kept for those who contributed nothing to them; each has 2 MiB at most."""
_EXPECTED = 2 * 1024 * 1024
"""Bytes of the contributions that were read when they came in, and are kept until the feed tells them. Read, they take
some forty times as much memory."""

log = structlog.get_logger("alleyes")


class Held(NamedTuple):
    """What of an origin is in the sum of a service type."""

    stamp: tuple[int, int]
    """Epoch and sequence."""
    digest: bytes
    """Of its bytes (`digest_of`)."""


class _Expected(NamedTuple):
    contribution: Contribution
    digest: bytes
    size: int
    """Bytes."""


def digest_of(body: bytes) -> bytes:
    """Return what tells the bytes of a contribution from all others."""
    return hashlib.blake2b(body, digest_size=16).digest()


class Pools:
    """All of it. For the event loop's thread."""

    def __init__(
        self, role: Literal["site", "global"], limits: ServiceLimits, changes: Changes, clock: EventClock
    ) -> None:
        """Begin with nothing.

        Args:
            role: Whether origins are the nodes of one site, or sites.
            limits: How many service types there may be.
            changes: Who waits for a change.
            clock: Event time.
        """
        self.ballot = Ballot()
        self.unreadable = 0
        """Rows of the store that could not be read: of another version of the program, or damaged."""
        self.expected_bytes = 0
        """Of contributions that are stored, and that the feed has not told yet."""
        self.applied = 0
        """Rows that were read."""
        self._role = role
        self._limits = limits
        self._changes = changes
        self._clock = clock
        self._pools: dict[str, Pool] = {}
        self._elsewhere: dict[str, Shared] = {}
        self._encoded: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._types_of: dict[str, set[str]] = {}
        """By origin, the service types in whose sum it is."""
        self._listed: dict[str, int] = {}
        """By service type, what it adds to the version of the list for those who are not in its sum."""
        self._list_sum = 0
        self._unlisted: set[str] = set()
        """Service types that changed since that was added up."""
        self._unread: dict[str, set[str]] = {}
        """By service type, the origins whose newest state could not be read."""
        self._again: set[tuple[str, str]] | None = None
        """Origins and topics that were read since everything is read again; None: it is not."""
        self._newest = 0
        """The latest minute of what was read from the store."""
        self._expected: OrderedDict[tuple[str, str, int, int], _Expected] = OrderedDict()

    # What comes in.

    def held(self, origin: str, service_type: str) -> Held | None:
        """Return what of an origin is in the sum of a service type; None where nothing is."""
        pool = self._pools.get(service_type)
        if pool is None or (stamp := pool.stamp(origin)) is None or (digest := pool.digest(origin)) is None:
            return None
        return Held(stamp, digest)

    def expect(self, origin: str, contribution: Contribution, body: bytes) -> None:
        """Keep a contribution that was stored, so that it need not be read again when the feed tells it."""
        service_type, stamp = contribution.model.service_type, (contribution.epoch, contribution.sequence)
        held = self.held(origin, service_type)
        if held is not None and stamp <= held.stamp:
            return  # the feed was faster, and does not ask for it any more
        key = (origin, service_type, *stamp)
        self._no_longer_expect(key)
        self._expected[key] = _Expected(contribution, digest_of(body), len(body))
        self.expected_bytes += len(body)
        while self.expected_bytes > _EXPECTED:
            self._no_longer_expect(next(iter(self._expected)))

    def _no_longer_expect(self, key: tuple[str, str, int, int]) -> _Expected | None:
        expected = self._expected.pop(key, None)
        if expected is not None:
            self.expected_bytes -= expected.size
        return expected

    def room_for(self, origin: str, service_type: str, size: int) -> bool:
        """Tell whether an origin may contribute so many bytes to a service type, as far as numbers go.

        An origin may be the first one of a part of the types that there is still room for: 16 that each make up as many
        as they can leave a third of the room to others.
        """
        own = self._types_of.get(origin, set())
        if (
            not self._is_small(size)
            and size + sum(self._pools[each].size(origin) for each in own if each != service_type)
            > self._limits.bytes_per_origin
        ):
            return False
        pool = self._pools.get(service_type)
        if pool is None:
            if len(self._pools) >= self._limits.service_types:
                self._forget_empty()
            left = self._limits.service_types - len(self._pools)
            most = max(_FIRST, left // _PART) if left else 0
            if sum(self._pools[each].first == origin for each in own) >= most:
                return False
        elif pool.stamp(origin) is not None:
            return True
        return len(own) < self._limits.service_types_per_origin

    def _is_small(self, size: int) -> bool:
        """Tell whether an origin could contribute so many bytes to as many types as it may."""
        return size * self._limits.service_types_per_origin <= self._limits.bytes_per_origin

    def apply(self, row: Row) -> None:
        """Take in a row of the feed. One that cannot be read is counted, as if there were none."""
        self.applied += 1
        if self._again is not None:
            self._again.add((row.origin, row.topic))
        try:
            if row.topic == SHOWINGS:
                self._apply_showings(row)
            elif (service_type := type_of(row.topic)) is not None:
                self._apply_model(row, service_type)
        except ValueError as error:
            self.unreadable += 1
            if self.unreadable == 1:
                detail = f"{row.topic} of {row.origin}: {error}; it counts for nothing, as will others like it"
                log.warning("contribution unreadable", detail=detail)

    @property
    def read_again(self) -> bool:
        """Whether everything is read again."""
        return self._again is not None

    def begin_again(self) -> None:
        """Take what is read from now on for all that there is, also where it is older than what is held.

        Until `end_again` the sums are a mixture of what was and what is.
        """
        self._again = set()

    def end_again(self) -> None:
        """Forget what was not read since `begin_again`, and that anything was accepted: who is asked is the store."""
        found, self._again = self._again, None
        if found is None:
            return
        for service_type, pool in self._pools.items():
            topic = model_topic(service_type)
            for origin in [each for each in pool.names if (each, topic) not in found]:
                self._take_out(origin, pool)
            unread = self._unread.get(service_type, set())
            unread -= {each for each in unread if (each, topic) not in found}
        for origin in [each for each in self.ballot.names if (each, SHOWINGS) not in found]:
            self.ballot.remove(origin)
        self.ballot.reopen_all()

    def adopt(self, service_type: str, shared: Shared | None) -> None:
        """Replace what the other sites know of a service type, as the level above told it; None: nothing any more."""
        if shared is None:
            self._elsewhere.pop(service_type, None)
        else:
            self._elsewhere[service_type] = shared
        self._tell(service_type)

    def _apply_showings(self, row: Row) -> None:
        if row.body is not None:
            self.ballot.put(row.origin, msgspec.msgpack.decode(row.body, type=Showings))
            return
        try:
            self.ballot.remove(row.origin)
        except KeyError:
            return

    def _apply_model(self, row: Row, service_type: str) -> None:
        pool = self._pools.get(service_type)
        if pool is None:
            pool = self._pools[service_type] = Pool(service_type)
            self._list(service_type)
        if (unread := self._unread.get(service_type)) is not None:
            unread.discard(row.origin)
        if row.body is None:
            self._take_out(row.origin, pool)
            return
        digest = digest_of(row.body)
        expected = self._no_longer_expect((row.origin, service_type, row.epoch, row.sequence))
        if expected is not None and expected.digest == digest:
            contribution = expected.contribution
        else:
            try:
                # Whether its times can be was asked when it was taken in: what counts must not depend on the clock.
                contribution = decode_contribution(service_type, row.body, now_minute=ANY_MINUTE)
            except BadContribution:
                self._unread.setdefault(service_type, set()).add(row.origin)
                # What an origin contributed before counts no more: it has replaced it.
                self._take_out(row.origin, pool)
                raise
            self._newest = max(self._newest, newest_minute(contribution.model))
        held = self.held(row.origin, service_type)
        if self._again is not None and held is not None and row.stamp <= held.stamp and digest != held.digest:
            self._take_out(row.origin, pool)
        if not contribution.model.weight:
            self._take_out(row.origin, pool)
        elif pool.put(row.origin, contribution, digest, model_of(row.body)):
            self._types_of.setdefault(row.origin, set()).add(service_type)
            self._tell(service_type)

    def _take_out(self, origin: str, pool: Pool) -> None:
        if pool.stamp(origin) is not None:
            pool.remove(origin)
            types = self._types_of[origin]
            types.discard(pool.total.service_type)
            if not types:
                del self._types_of[origin]
            self._tell(pool.total.service_type)

    def _forget_empty(self) -> None:
        empty = [each for each, pool in self._pools.items() if not pool.origins and not self._unread.get(each)]
        for service_type in empty:
            del self._pools[service_type]
            self._unread.pop(service_type, None)
            self._list(service_type)

    def _list(self, service_type: str) -> None:
        """Have the version of the list be that of what is known, once somebody asks for it."""
        self._unlisted.add(service_type)

    def _list_all(self) -> None:
        for service_type in self._unlisted:
            listed = self._hash(service_type, None) if self.knows(service_type) else 0
            self._list_sum += listed - self._listed.pop(service_type, 0)
            if listed:
                self._listed[service_type] = listed
        self._unlisted.clear()

    def _hash(self, service_type: str, origin: str | None) -> int:
        digest = hashlib.shake_128(f"{service_type}\0{self.version(service_type, origin)}".encode()).digest(_HASH)
        return int.from_bytes(digest)

    def _tell(self, service_type: str) -> None:
        self._list(service_type)
        self._changes.tell(model_topic(service_type))
        self._changes.tell(MODELS)

    # What goes out.

    @property
    def origins(self) -> int:
        """The number of origins of the service type that has most."""
        return max((pool.origins for pool in self._pools.values()), default=0)

    def service_types(self) -> Sequence[str]:
        """Return all service types of which something is known, in order."""
        return sorted(self._pools.keys() | self._elsewhere.keys())

    def totals(self) -> Iterable[Pool]:
        """Return the pools of which everything could be read, to be read only.

        What cannot be read is none the less there: to tell the sum of the rest would take it back.
        """
        return [pool for service_type, pool in self._pools.items() if not self._unread.get(service_type)]

    @property
    def late(self) -> int:
        """Minutes by which the clock is behind what is stored, beyond what its origins' clocks may be ahead; else 0."""
        behind = self._newest - self._clock.now() // MINUTE
        return behind if behind > AHEAD + CLOCKS_DIFFER else 0

    def lives_elsewhere(self, service_type: str) -> bool:
        """Tell whether the level above told of other sites that have a service type."""
        elsewhere = self._elsewhere.get(service_type)
        return elsewhere is not None and elsewhere.origins > 0

    def knows(self, service_type: str) -> bool:
        """Tell whether anything is, or was, known of a service type."""
        return service_type in self._pools or service_type in self._elsewhere

    def version(self, service_type: str, origin: str | None) -> str:
        """Return the version of what an origin is told of a service type; None: who contributed nothing to it."""
        pool, elsewhere = self._pools.get(service_type), self._elsewhere.get(service_type)
        own = pool.version(origin) if pool is not None else "0"
        if self._role == "global":
            return own
        return f"{own}.{elsewhere.version if elsewhere is not None else 0}"

    def size_of(self, origin: str, service_type: str) -> int:
        """Return how many bytes are kept of what an origin contributed to a service type."""
        pool = self._pools.get(service_type)
        return 0 if pool is None else pool.size(origin)

    def others(self, service_type: str, origin: str) -> Others:
        """Return what an origin is told of a service type."""
        pool = self._pools.get(service_type)
        shared = pool.without(origin) if pool is not None else None
        if shared is not None and not shared.origins:
            shared = None
        if self._role == "global":
            return Others(elsewhere=shared)
        return Others(site=shared, elsewhere=self._elsewhere.get(service_type))

    def encoded(self, service_type: str, origin: str) -> bytes:
        """Return the bytes of what an origin is told of a service type."""
        pool = self._pools.get(service_type)
        if pool is not None and pool.stamp(origin) is not None:
            return encode_others(self.others(service_type, origin))
        key = (service_type, self.version(service_type, origin))
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = encode_others(self.others(service_type, origin))
            if len(self._encoded) > _KEPT:
                self._encoded.popitem(last=False)
        return found

    def entries(self, origin: str) -> list[ModelEntry]:
        """Return all service types of which something is known, as an origin is told of them."""
        return [self._entry(service_type, origin) for service_type in self.service_types()]

    def list_version(self, origin: str) -> str:
        """Return the version of that list: of thousands of types only those are looked at that the origin is in."""
        self._list_all()
        own = self._types_of.get(origin, ())
        listed = self._list_sum + sum(self._hash(each, origin) - self._listed[each] for each in own)
        return hashlib.blake2b((listed % _MODULUS).to_bytes(_HASH), digest_size=16).hexdigest()

    def _entry(self, service_type: str, origin: str) -> ModelEntry:
        pool, elsewhere = self._pools.get(service_type), self._elsewhere.get(service_type)
        origins = weight = 0
        if pool is not None:
            origins += pool.origins - (pool.stamp(origin) is not None)
            weight += pool.total.weight
        if elsewhere is not None:
            origins += elsewhere.origins
            weight += elsewhere.model.weight
        version = self.version(service_type, origin)
        return ModelEntry(service_type=service_type, version=version, origins=origins, weight=weight)
