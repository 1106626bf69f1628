"""What a Manufacturer Usage Description lets expect of a service type: drafted as rules for `policy.yaml`.

A description says who talks to whom, so rules of the action `expect` are all that follows from it: what it names is not
refused for being new. It allows nothing, and rates, periods, places and values are judged as always.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.access import Operation
from policy.printable import printable
from policy.rule import UNKNOWN
from proxy.mud.file import Entry, MudError, MudFile, Relationship

_TYPE = re.compile(r"(/[A-Za-z0-9._~:@+%-]+)+")
"""Service and data types that can stand in a rule without being read as a pattern."""
_LONGEST = 200
_READING = (Operation.GET, Operation.SUBSCRIBE)
"""What is expected where a description does not say what is done."""
_OTHERS = ", ".join(json.dumps(each.value) for each in Operation if each not in _READING)


class Expectation(NamedTuple):
    """One rule: who does what to whom."""

    source_type: str
    destination_types: tuple[str, ...]
    operations: tuple[str, ...] = ()
    """Empty: the description does not say."""
    data_types: tuple[str, ...] = ()
    """Empty: all."""


class Prior(NamedTuple):
    """What follows from a description."""

    service_type: str
    expectations: tuple[Expectation, ...]
    remarks: tuple[str, ...]
    """What it says besides, and why no rule follows from that."""


def prior(file: MudFile, service_type: str, peers: Mapping[str, str], root_type: str) -> Prior:
    """Return what a description lets expect.

    Args:
        file: The description.
        service_type: Type of the device. What the file calls itself is its maker's word, and could be any type.
        peers: By the URI of a controller or model, or by the domain of a manufacturer, the service type that it is.
        root_type: Type of an access point's own address.

    Raises:
        MudError: it describes another type, or it is inconsistent.
    """
    named = file.about.service_type
    if named not in {None, service_type}:
        told = printable(named or "", _LONGEST)
        raise MudError(f"describes {told}, not {printable(service_type)}; is it the file of another device?")
    about = service_type
    if _TYPE.fullmatch(about) is None:
        raise MudError(f"{printable(about)} is not a service type; write it as the middleware does, e.g. /doorLock")
    remarks: list[str] = []
    if file.about.relationships is not None:
        found = tuple(_precise(about, file.about.relationships, remarks))
    else:
        found = tuple(_coarse(about, file, peers, root_type, remarks))
    return Prior(about, tuple(dict.fromkeys(found)), tuple(dict.fromkeys(remarks)))


def _precise(about: str, relationships: Sequence[Relationship], remarks: list[str]) -> Iterator[Expectation]:
    """Yield one expectation for each partner and set of data types, from the extension."""
    data_types: dict[tuple[str, str], set[str]] = {}
    for each in relationships:
        partner = about if each.own else each.partner_type
        data_type = each.data_type or UNKNOWN
        odd = [name for name in (partner, data_type) if name != UNKNOWN and _TYPE.fullmatch(name) is None]
        if each.operation not in Operation:
            odd.append(each.operation)
        if odd:
            remarks.append(f"relationship with {odd[0]!r}, which this version does not know: no rule")
            continue
        data_types.setdefault((partner, each.operation), set()).add(data_type)
    operations: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (partner, operation), types in sorted(data_types.items()):
        operations.setdefault((partner, tuple(sorted(types))), []).append(operation)
    for (partner, types_of_nodes), done in operations.items():
        yield Expectation(about, (partner,), tuple(done), types_of_nodes)


def _coarse(
    about: str, file: MudFile, peers: Mapping[str, str], root_type: str, remarks: list[str]
) -> Iterator[Expectation]:
    """Yield one expectation for each class of the access lists whose service type is known."""
    for policy, direction in (
        (file.about.from_device_policy, "from-device"),
        (file.about.to_device_policy, "to-device"),
    ):
        for entry in file.entries(policy):
            tcp = entry.matches.tcp
            initiated = (None if tcp is None else tcp.initiated) or direction
            for partner in _partners(about, entry, peers, root_type, remarks):
                if initiated == "from-device":
                    yield Expectation(about, partner)
                elif partner != (about, root_type):
                    yield from (Expectation(each, (about,)) for each in partner)


def _partners(
    about: str, entry: Entry, peers: Mapping[str, str], root_type: str, remarks: list[str]
) -> Iterator[tuple[str, ...]]:
    matches = entry.matches
    name = printable(entry.name, _LONGEST)
    if matches.datagrams:
        remarks.append(f"{name}: UDP; no call of a middleware takes it")
        return
    classes = matches.classes
    if classes is None:
        places = [place for each in (matches.ipv4, matches.ipv6) if each is not None for place in each.places]
        to = ", ".join(printable(place, _LONGEST) for place in dict.fromkeys(places)) or "anywhere"
        remarks.append(f"{name}: {to}; not behind the gateway: see `reachable` in gateway.yaml")
        return
    if classes.my_controller is not None:
        yield (about, root_type)
    if classes.same_manufacturer is not None:
        remarks.append(f"{name}: others of the same manufacturer; nothing says which service types those are")
    if classes.local_networks is not None:
        remarks.append(f"{name}: all local networks; too much to be expected of a service")
    for uri in (classes.model, classes.controller, classes.manufacturer):
        if uri is None:
            continue
        if uri in peers:
            yield (peers[uri],)
        else:
            shown = printable(uri, _LONGEST)
            remarks.append(f"{name}: {shown}; nothing says which service type that is: give --peer {shown}=/type")


def draft(found: Prior, source: str, url: str) -> str:
    """Return the text of the rules, to be reviewed and put into `policy.yaml`.

    Args:
        found: What follows from the description.
        source: What it was read from.
        url: Its MUD URL.
    """
    lines = [
        f"# What services of the type {found.service_type} are expected to do, drafted by `alleyes policy import mud`.",
        f"# From {printable(source, _LONGEST)}: {printable(url, _LONGEST)}.",
        "# Review every line, and put the rules into policy.yaml.",
    ]
    if found.expectations:
        lines.append("rules:")
        for number, each in enumerate(found.expectations, 1):
            lines += _rule(_name(found.service_type, number), each, url)
    else:
        lines.append("rules: []")
    if found.remarks:
        lines += ["", "# The description says more, from which no rule follows:"]
        lines += [f"#   {each}" for each in found.remarks]
    return "\n".join(lines) + "\n"


def _rule(name: str, each: Expectation, url: str) -> Iterator[str]:
    yield f"  - name: {name}"
    yield "    action: expect"
    yield f"    comment: {json.dumps(printable(url, _LONGEST))}"
    yield f"    source_type: {json.dumps([each.source_type])}"
    yield f"    destination_type: {json.dumps(list(each.destination_types))}"
    yield f"    operation: {json.dumps(list(each.operations or _READING))}"
    if not each.operations:
        yield "    # The file does not say what is done. Add only what the device is there for, for each partner:"
        yield f"    #   {_OTHERS}"
    if each.data_types:
        yield f"    data_type: {json.dumps(list(each.data_types))}"


def _name(service_type: str, number: int) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", service_type.lower()).strip("-")
    return f"mud-{plain[:48]}-{number}"
