"""Which interfaces are ports of a bridge."""

from __future__ import annotations

import struct

from proxy.firewall.netlink import attributes, dump

RTM_NEWLINK, RTM_GETLINK = 16, 18
IFLA_IFNAME, IFLA_MASTER = 3, 10
FIXED_PART = struct.Struct("=BBHiII")
"""Family, padding, type, index, flags, change mask (ifinfomsg)."""
INDEX = struct.Struct("=I")


def ports_of(bridge: str) -> frozenset[str]:
    """Return the names of the bridge's ports; none where there is no such bridge.

    Raises:
        OSError: when the kernel does not answer.
    """
    names: dict[int, str] = {}
    masters: dict[str, int] = {}
    for payload in dump(RTM_GETLINK, RTM_NEWLINK, FIXED_PART.pack(0, 0, 0, 0, 0, 0)):
        _, _, _, index, _, _ = FIXED_PART.unpack_from(payload)
        known = attributes(payload[FIXED_PART.size :])
        name = known[IFLA_IFNAME].rstrip(b"\0").decode()
        names[index] = name
        if IFLA_MASTER in known:
            (masters[name],) = INDEX.unpack(known[IFLA_MASTER])
    return frozenset(name for name, master in masters.items() if names.get(master) == bridge)
