"""Which worker has which sender, in the words of nftables: a hash of the sender's address, the same everywhere."""

from __future__ import annotations

from proxy.firewall.plan import Plan, Redirect


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
