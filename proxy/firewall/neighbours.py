"""Who has which link address: the kernel's neighbour table (ARP and IPv6 neighbour discovery).

One question to the kernel, tens of microseconds; not for the path of a call.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

from proxy.firewall.netlink import attributes, dump

RTM_NEWNEIGH, RTM_GETNEIGH = 28, 30
NDA_DST, NDA_LLADDR = 1, 2
FIXED_PART = struct.Struct("=BBHiHBB")
"""Family, padding, padding, interface, state, flags, type (ndmsg)."""
RESOLVED = 0x02 | 0x04 | 0x08 | 0x10 | 0x80
"""Reachable, stale, delay, probe, permanent: states with a link address that has been seen."""
MAC_LENGTH = 6


def read_neighbours() -> dict[str, str]:
    """Return the link address of every neighbour by IP address, both in their one spelling.

    An address that is seen on two interfaces with different link addresses is left out: it does not tell who it is.

    Raises:
        OSError: when the kernel does not answer.
    """
    found: dict[str, set[str]] = {}
    for payload in dump(RTM_GETNEIGH, RTM_NEWNEIGH, FIXED_PART.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0)):
        _, _, _, _, state, _, _ = FIXED_PART.unpack_from(payload)
        known = attributes(payload[FIXED_PART.size :])
        mac = known.get(NDA_LLADDR, b"")
        if state & RESOLVED and NDA_DST in known and len(mac) == MAC_LENGTH:
            found.setdefault(str(ip_address(known[NDA_DST])), set()).add(mac.hex(":"))
    return {ip: macs.pop() for ip, macs in found.items() if len(macs) == 1}
