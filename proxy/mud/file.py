"""Reads a Manufacturer Usage Description (RFC 8520, JSON as in RFC 7951), as far as it tells who talks to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

LARGEST = 1024 * 1024
"""Bytes of a file that is read."""
_ACCEPT = "accept"
_UDP = 17


class MudError(ValueError):
    """The file is none that can be read; the text names the place and the remedy."""


class Classes(msgspec.Struct, frozen=True, rename="kebab"):
    """Whom an entry concerns, in the classes of RFC 8520, section 8."""

    manufacturer: str | None = None
    same_manufacturer: list[None] | None = None
    model: str | None = None
    local_networks: list[None] | None = None
    controller: str | None = None
    my_controller: list[None] | None = None


class Internet(msgspec.Struct, frozen=True):
    """Whom an entry concerns, by address or name."""

    protocol: int | None = None
    from_name: str | None = msgspec.field(name="ietf-acldns:src-dnsname", default=None)
    to_name: str | None = msgspec.field(name="ietf-acldns:dst-dnsname", default=None)
    from_ipv4: str | None = msgspec.field(name="source-ipv4-network", default=None)
    to_ipv4: str | None = msgspec.field(name="destination-ipv4-network", default=None)
    from_ipv6: str | None = msgspec.field(name="source-ipv6-network", default=None)
    to_ipv6: str | None = msgspec.field(name="destination-ipv6-network", default=None)

    @property
    def places(self) -> tuple[str, ...]:
        """The addresses and names."""
        found = self.from_name, self.to_name, self.from_ipv4, self.to_ipv4, self.from_ipv6, self.to_ipv6
        return tuple(each for each in found if each is not None)


class Transport(msgspec.Struct, frozen=True):
    """Of a TCP connection, who opens it."""

    initiated: Literal["from-device", "to-device"] | None = msgspec.field(
        name="ietf-mud:direction-initiated", default=None
    )


class Matches(msgspec.Struct, frozen=True):
    """What an entry of an access list matches."""

    classes: Classes | None = msgspec.field(name="ietf-mud:mud", default=None)
    ipv4: Internet | None = None
    ipv6: Internet | None = None
    tcp: Transport | None = None
    udp: dict[str, Any] | None = None

    @property
    def datagrams(self) -> bool:
        """Whether it is about UDP, which no REST call takes."""
        return self.udp is not None or _UDP in {each.protocol for each in (self.ipv4, self.ipv6) if each is not None}


class _Actions(msgspec.Struct, frozen=True):
    forwarding: str


class Entry(msgspec.Struct, frozen=True):
    """One entry of an access list."""

    name: str
    actions: _Actions
    matches: Matches = Matches()

    @property
    def accepts(self) -> bool:
        """Whether it lets through what it matches."""
        return self.actions.forwarding.rpartition(":")[2] == _ACCEPT


class _Entries(msgspec.Struct, frozen=True):
    ace: Sequence[Entry] = ()


class _List(msgspec.Struct, frozen=True):
    name: str
    aces: _Entries = _Entries()


class _Lists(msgspec.Struct, frozen=True):
    acl: Sequence[_List] = ()


class _Name(msgspec.Struct, frozen=True):
    name: str


class _Names(msgspec.Struct, frozen=True):
    names: Sequence[_Name] = msgspec.field(name="access-list", default=())


class _Policy(msgspec.Struct, frozen=True):
    lists: _Names = msgspec.field(name="access-lists", default=_Names())


class Relationship(msgspec.Struct, frozen=True, rename="kebab"):
    """One way in which services of the type use nodes: of the extension `alleyes`."""

    partner_type: str
    own: bool
    operation: str
    data_type: str


class Description(msgspec.Struct, frozen=True, rename="kebab"):
    """What a description says of itself."""

    mud_version: int
    mud_url: str
    systeminfo: str = ""
    from_device_policy: _Policy = _Policy()
    to_device_policy: _Policy = _Policy()
    service_type: str | None = msgspec.field(name="alleyes-mud:service-type", default=None)
    relationships: Sequence[Relationship] | None = msgspec.field(name="alleyes-mud:relationship", default=None)


class MudFile(msgspec.Struct, frozen=True):
    """A description with its access lists."""

    about: Description = msgspec.field(name="ietf-mud:mud")
    lists: _Lists = msgspec.field(name="ietf-access-control-list:acls", default=_Lists())

    def entries(self, policy: _Policy) -> Iterator[Entry]:
        """Yield the entries of the lists that a policy names, which let something through.

        Raises:
            MudError: the file lacks one of them.
        """
        by_name = {each.name: each for each in self.lists.acl}
        for wanted in policy.lists.names:
            if wanted.name not in by_name:
                raise MudError(f"the access list {wanted.name!r} is named, but not in ietf-access-control-list:acls")
            yield from (entry for entry in by_name[wanted.name].aces.ace if entry.accepts)


def read(data: bytes) -> MudFile:
    """Return what a file says.

    Raises:
        MudError: it is too large, is not JSON, or has not the form of RFC 8520.
    """
    if len(data) > LARGEST:
        raise MudError(f"has more than {LARGEST} bytes; no description needs that")
    try:
        found = msgspec.json.decode(data, type=MudFile)
    except msgspec.ValidationError as error:
        raise MudError(f"is not a MUD file as RFC 8520 has it: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MudError(f"is not JSON ({error}); give the MUD file itself, not its signature") from error
    if found.about.mud_version != 1:
        raise MudError(f"has the mud-version {found.about.mud_version}; only 1 (RFC 8520) is known")
    return found
