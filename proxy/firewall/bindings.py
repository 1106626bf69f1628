"""Senders whose link and network address belong together: the kernel drops who has the one without the other.

For the first hop only: a service behind a router has the router's link address, so that several addresses may share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.firewall.plan import MOST_BINDINGS, Binding

_VERSIONS: Mapping[str, int] = {"ip": 4, "ip6": 6}


def binding_sets(bindings: Sequence[Binding]) -> list[str]:
    """Return the definitions of the sets of pairs, and of the addresses that have one; nobody can change them."""
    blocks = []
    for protocol, version in _VERSIONS.items():
        chosen = [binding for binding in bindings if (":" in binding.ip) == (protocol == "ip6")]
        pairs = [f"{binding.mac} . {binding.ip}" for binding in chosen]
        blocks += [
            _constant_set(f"bound{version}", f"ipv{version}_addr", [binding.ip for binding in chosen]),
            _constant_set(f"bound_link{version}", f"ether_addr . ipv{version}_addr", pairs),
        ]
    return blocks


def binding_chains() -> dict[str, list[str]]:
    """Return the chains that drop what does not come in one of its pairs; that is also what has no link address."""
    return {
        f"check_link{version}": [
            f"ether saddr . {protocol} saddr @bound_link{version} return",
            "counter name forged_sender drop",
        ]
        for protocol, version in _VERSIONS.items()
    }


def binding_rules(arriving: str) -> list[str]:
    """Return the rules that send what has a bound address through those chains.

    Args:
        arriving: the match for what comes from the services' side.
    """
    return [
        f"{arriving}{protocol} saddr @bound{version} jump check_link{version}"
        for protocol, version in _VERSIONS.items()
    ]


def _constant_set(name: str, key_type: str, elements: Sequence[str]) -> str:
    listed = f"\n\telements = {{ {', '.join(elements)} }}" if elements else ""
    return f"set {name} {{\n\ttype {key_type}\n\tsize {MOST_BINDINGS}\n\tflags constant{listed}\n}}"
