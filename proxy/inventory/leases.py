"""DHCP leases as dnsmasq, ISC dhcpd and Kea write them to disk: who was given which address.

Formats: dnsmasq(8), `--dhcp-leasefile`; dhcpd.leases(5); Kea, "Memfile - basic storage for leases".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from proxy.firewall.plan import PlanError, canonical_ip, canonical_mac

USUAL_PLACES = tuple(
    map(
        Path,
        (
            "/var/lib/misc/dnsmasq.leases",
            "/var/lib/dnsmasq/dnsmasq.leases",
            "/tmp/dhcp.leases",  # noqa: S108 -- where OpenWrt has it; it is only read
            "/var/lib/dhcp/dhcpd.leases",
            "/var/lib/dhcp/dhcpd6.leases",
            "/var/lib/kea/kea-leases4.csv",
            "/var/lib/kea/kea-leases6.csv",
        ),
    )
)
LARGEST_FILE = 64 * 1024 * 1024
_ISC_LEASE = re.compile(r"^\s*(?:lease|iaaddr)\s+(\S+)\s*\{([^}]*)\}", re.MULTILINE)
_ISC_MAC = re.compile(r"hardware\s+ethernet\s+([0-9A-Fa-f:]+)\s*;")
_ISC_NAME = re.compile(r'client-hostname\s+"([^"]*)"\s*;')
_ISC_END = re.compile(r"^\s*ends\s+(?:epoch\s+(\d+)|\d\s+(\d+/\d+/\d+\s+\d+:\d+:\d+)|never)", re.MULTILINE)
_ISC_STATE = re.compile(r"^\s*binding\s+state\s+(\w+)\s*;", re.MULTILINE)
_DNSMASQ_FIELDS = 4
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class LeaseFileError(Exception):
    """A file of leases cannot be used; the text names it and says what is wanted."""


class Lease(NamedTuple):
    """What a DHCP server gave somebody."""

    ip: str
    mac: str | None
    """None where the server does not know it, as with most leases of IPv6."""
    name: str | None
    """What the device calls itself: it may claim any name."""
    file: Path


def read_leases(file: Path, now: float) -> list[Lease]:
    """Return the leases of a file that hold at real time `now` (seconds since the epoch), by address.

    Lines that cannot be read are passed over; the file is another program's, and may be written at the moment.

    Raises:
        LeaseFileError: the file cannot be read, or is in none of the three formats.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise LeaseFileError(f"{file}: {error.strerror} -- give the path of a file with DHCP leases") from error
    if len(data) > LARGEST_FILE:
        raise LeaseFileError(f"{file}: is larger than {LARGEST_FILE} bytes -- is this the right file?")
    text = data.decode(errors="replace")
    found = dict(_usable(file, _parsed(text), now))
    if not found and text.strip() and not _known_form(text):
        raise LeaseFileError(f"{file}: holds no leases of dnsmasq, ISC dhcpd or Kea -- give one of their files")
    return list(found.values())


class _Raw(NamedTuple):
    ip: str
    mac: str
    name: str
    until: float | None
    """None: without end."""
    holds: bool = True


def _usable(file: Path, leases: Iterable[_Raw], now: float) -> Iterator[tuple[str, Lease]]:
    """Yield leases that hold; where one address occurs twice, the later one counts."""
    newest: dict[str, _Raw] = {}
    for raw in leases:
        try:
            newest[canonical_ip(raw.ip)] = raw
        except PlanError:
            continue
    for ip, raw in newest.items():
        if raw.holds and (raw.until is None or raw.until > now):
            yield ip, Lease(ip, _mac(raw.mac), raw.name if _NAME.fullmatch(raw.name) else None, file)


def _mac(text: str) -> str | None:
    try:
        return canonical_mac(text)
    except PlanError:
        return None


def _is_kea(text: str) -> bool:
    return text.startswith("address,")


def _is_isc(text: str) -> bool:
    return re.search(r"^\s*(authoring-byte-order|lease\s|ia-na\s|server-duid\s)", text, re.MULTILINE) is not None


def _known_form(text: str) -> bool:
    return _is_kea(text) or _is_isc(text) or any(True for _ in _dnsmasq(text))


def _parsed(text: str) -> Iterator[_Raw]:
    if _is_kea(text):
        return _kea(text)
    return _isc(text) if _is_isc(text) else _dnsmasq(text)


def _dnsmasq(text: str) -> Iterator[_Raw]:
    """Yield leases of lines `end mac ip name client-id`; those of IPv6 have a number in the place of the MAC."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < _DNSMASQ_FIELDS or not fields[0].isdecimal():
            continue
        end, mac, ip, name = fields[:_DNSMASQ_FIELDS]
        # With another type of hardware than Ethernet, its number comes first.
        yield _Raw(ip.strip("[]"), mac.removeprefix("01-"), name, float(end) if int(end) else None)


def _isc(text: str) -> Iterator[_Raw]:
    for match in _ISC_LEASE.finditer(text):
        ip, body = match.groups()
        mac, name, state = (pattern.search(body) for pattern in (_ISC_MAC, _ISC_NAME, _ISC_STATE))
        yield _Raw(
            ip,
            mac.group(1) if mac else "",
            name.group(1) if name else "",
            _isc_end(body),
            holds=state is None or state.group(1) == "active",
        )


def _isc_end(body: str) -> float | None:
    found = _ISC_END.search(body)
    if found is None or (found.group(1) is None and found.group(2) is None):
        return None
    if found.group(1) is not None:
        return float(found.group(1))
    try:
        return datetime.strptime(found.group(2), "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _kea(text: str) -> Iterator[_Raw]:
    for row in csv.DictReader(io.StringIO(text)):
        yield _Raw(
            _field(row, "address"),
            _field(row, "hwaddr"),
            _field(row, "hostname").rstrip("."),
            float(end) if (end := _field(row, "expire")).isdecimal() else None,
            holds=_field(row, "state") in {"0", ""} and _field(row, "valid_lifetime") != "0",
        )


def _field(row: Mapping[str, str | None], name: str) -> str:
    return row.get(name) or ""
