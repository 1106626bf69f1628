"""Which worker has which sender, in the words of nftables: a hash of the sender's address, the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.firewall.plan import MOST_WORKERS, Plan, Redirect

ALIVE_SET = "alive"
ALIVE_SECONDS = 3.0
"""How long a worker counts as alive after it was said; several times as long as it takes to say it again."""


def worker_of(plan: Plan, address: str) -> str:
    """Return the expression for the worker, from 0 on, of the sender that an address field holds, e.g. `ip saddr`.

    The hash is of the address alone, so that `ip daddr` of an answer gives the worker that `ip saddr` of the call gave.
    """
    return f"jhash {address} mod {plan.workers} seed {plan.seed:#x}"


def port_of(plan: Plan, redirect: Redirect, address: str) -> str:
    """Return the expression for the listener's port of the worker that has the sender."""
    if plan.workers == 1:
        return str(redirect.listener_port)
    ports = ", ".join(f"{worker} : {port}" for worker, port in enumerate(plan.listener_ports(redirect)))
    return f"{worker_of(plan, address)} map {{ {ports} }}"


def ports_of(plan: Plan, redirect: Redirect) -> str:
    """Return the listener's ports of all workers."""
    ports = plan.listener_ports(redirect)
    return str(ports[0]) if plan.workers == 1 else f"{ports[0]}-{ports[-1]}"


def alive(plan: Plan, address: str) -> str:
    """Return the match for a sender whose worker is known to live."""
    return f"{worker_of(plan, address)} @{ALIVE_SET}"


def dead(plan: Plan, address: str) -> str:
    """Return the match for a sender whose worker is not known to live."""
    return f"{worker_of(plan, address)} != @{ALIVE_SET}"


def alive_set(seconds: Mapping[int, float]) -> str:
    """Return the definition of the set of live workers.

    nft has no name for the type of a hash, and 1.0.6 crashes when it lists a set that is `typeof jhash`; a CPU's
    number has the same form.

    Args:
        seconds: for how long each worker still counts as alive.
    """
    elements = alive_elements(seconds)
    listed = f"\n\telements = {{ {elements} }}" if elements else ""
    return f"set {ALIVE_SET} {{\n\ttypeof meta cpu\n\tsize {MOST_WORKERS}\n\tflags timeout{listed}\n}}"


def alive_elements(seconds: Mapping[int, float]) -> str:
    """Return live workers as elements, each with the time it has left; without those whose time is over."""
    left = {worker: int(time * 1000) for worker, time in sorted(seconds.items())}
    return ", ".join(f"{worker} timeout {time}ms" for worker, time in left.items() if time > 0)
