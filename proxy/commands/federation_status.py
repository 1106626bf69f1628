"""How a gateway's link to a federation is told to people."""

from __future__ import annotations

from collections.abc import Iterator

from policy.duration import duration
from policy.printable import printable
from proxy.audit.event import rfc3339
from proxy.federation.client.comparison import Comparison, Part
from proxy.federation.client.names import remedy
from proxy.federation.client.state import AdoptedModel, FederationStatus
from proxy.federation.client.versions import Kept

_LONGEST = 500
"""Characters of a text that may come from the service."""
_MANY_EPOCHS = 3


def summary(status: FederationStatus, now: float) -> Iterator[str]:
    """Yield what `alleyes status` has about it, at real time `now` (s)."""
    whom = f"{status.origin or 'nobody yet'} at {status.service}"
    yield f"federation: {whom}; {_confirmed(status, now)}; {status.waiting} of the own models and candidates wait"
    adopted = [each for each in status.models.values() if each.sites or each.nodes]
    if adopted:
        oldest = min(each.received for each in adopted)
        pinned = sum(each.pinned for each in adopted)
        told = f", {pinned} pinned" if pinned else ""
        since = age(now - oldest)
        yield f"federation: service types that others know: {len(adopted)}; the oldest came {since} ago{told}"
    if status.former:
        yield f"federation: it was called {printable(status.former)} before; {remedy(printable(status.former))}"
    for trouble in status.troubles:
        text = printable(trouble.text, _LONGEST)
        yield f"federation, {trouble.activity}: {text} (for {age(now - trouble.since)}, {trouble.attempts} attempts)"
    for name, text in status.refused.items():
        yield f"federation: {printable(name)}: {printable(text, _LONGEST)}"


def full(status: FederationStatus, now: float) -> Iterator[str]:
    """Yield all of it, at real time `now` (s)."""
    yield from summary(status, now)
    if status.certificate_ends:
        ends = rfc3339(status.certificate_ends).partition("T")[0]
        yield f"certificate: until {ends}; it is renewed by itself before"
    published = f"{age(now - status.published)} ago" if status.published else "not since the start"
    yield (
        f"published: {published}; epoch {status.epoch}, sequence {status.sequence}; since the start"
        f" {status.contributions} models and {status.showings} times candidates; {status.acceptances} acceptances heard"
    )
    if status.epochs > _MANY_EPOCHS:
        yield (
            f"{status.epochs} epochs were begun, because the service held something newer each time: does another"
            " machine use the same certificate? Each needs its own"
        )
    for name, each in status.models.items():
        yield f"  {printable(name):<24} {_adopted(each, now)}"
    for name, text in status.cut.items():
        yield f"  {printable(name):<24} {printable(text, _LONGEST)}"


def versions(kept: list[Kept], now: float) -> Iterator[str]:
    """Yield a line for each version."""
    for each in kept:
        marks = [name for name, holds in (("in force", each.in_force), ("pinned", each.pinned)) if holds]
        yield (
            f"#{each.number:<6} {printable(each.name):<40} {rfc3339(each.received).partition('.')[0]}Z"
            f" ({age(now - each.received)} ago)  {_contributors(each.sites, each.nodes, each.weight)},"
            f" {each.size} bytes{'  ' if marks else ''}{', '.join(marks)}"
        )


def comparison(found: Comparison) -> Iterator[str]:
    """Yield what differs."""
    yield (
        f"{printable(found.service_type)}: {found.weight_before} -> {found.weight_after} instance-minutes of others,"
        f" {found.sites_before} -> {found.sites_after} other sites"
    )
    if found.same:
        yield "  no relationship came, went, or changed by more than 0.05"
    for mark, parts in (("+", found.came), ("-", found.went), ("~", found.changed)):
        for part in parts:
            yield f"  {mark} {_part(part)}"


def age(seconds: float) -> str:
    """Return a time to the unit of which there are at least two."""
    whole = max(0, round(seconds))
    unit = next((size for size in (86_400, 3600, 60) if whole >= 2 * size), 1)
    return duration(whole - whole % unit)


def _confirmed(status: FederationStatus, now: float) -> str:
    if status.heard:
        return f"what others know was confirmed {age(now - status.heard)} ago"
    return "the service was not heard since the start"


def _adopted(model: AdoptedModel, now: float) -> str:
    contributors = _contributors(model.sites, model.nodes, model.weight)
    told = f"{model.version}, came {age(now - model.received)} ago, {contributors}"
    if not model.pinned:
        return told
    newest = f"newer: {model.newest}" if model.newest else "others have nothing any more"
    return f"{told}; pinned" + ("" if model.newest == model.version else f", {newest}")


def _contributors(sites: int, nodes: int, weight: int) -> str:
    return f"{sites} other sites, {nodes} other nodes here, {weight} instance-minutes"


def _part(part: Part) -> str:
    partner = "own" if part.own else printable(part.partner) or "(unknown type)"
    shares = f"{_share(part.before)} -> {_share(part.after)} of the minutes"
    sites = f"{part.sites_before} -> {part.sites_after} sites"
    return (
        f"{printable(part.operation)} {printable(part.data_type) or '(unknown type)'} of {partner}: {shares}, {sites}"
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"
