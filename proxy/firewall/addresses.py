"""Which addresses this machine has, on any interface."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

from proxy.firewall.netlink import attributes, dump

RTM_NEWADDR, RTM_GETADDR = 20, 22
IFA_ADDRESS, IFA_LOCAL = 1, 2
FIXED_PART = struct.Struct("=BBBBI")
"""Family, prefix length, flags, scope, interface (ifaddrmsg)."""


def own_addresses() -> frozenset[str]:
    """Return the addresses of this machine in their one spelling.

    Raises:
        OSError: when the kernel does not answer.
    """
    found = set()
    for payload in dump(RTM_GETADDR, RTM_NEWADDR, FIXED_PART.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        known = attributes(payload[FIXED_PART.size :])
        # On a point-to-point link IFA_ADDRESS is the other end.
        raw = known.get(IFA_LOCAL, known.get(IFA_ADDRESS))
        if raw is not None:
            found.add(str(ip_address(raw)))
    return frozenset(found)
