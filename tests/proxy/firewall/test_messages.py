"""What crosses between the gateway and its helper is what it was, or is not taken."""

from __future__ import annotations

import msgspec
import pytest

from proxy.firewall.commands import Quarantine
from proxy.firewall.messages import (
    Answer,
    Changes,
    Counters,
    Outcome,
    ReadChanges,
    ReadCounters,
    Ready,
    Request,
    encoded,
    error_of,
    failure_of,
    read_answer,
    read_request,
)
from proxy.firewall.netlink import NetlinkError
from proxy.firewall.nftables import (
    Applied,
    Counter,
    FirewallError,
    FullSetError,
    LibraryMissingError,
    NotInstalledError,
    ProtectedAddressError,
)
from proxy.firewall.plan import Entry


class CloserError(FullSetError):
    """A kind that the other side does not know."""


@pytest.mark.parametrize("wanted", [Quarantine((Entry(ip="10.77.1.10"),)), ReadCounters(), ReadChanges()])
def test_a_request_crosses(wanted: Quarantine | ReadCounters | ReadChanges) -> None:
    assert read_request(encoded(Request(7, wanted))) == Request(7, wanted)


@pytest.mark.parametrize(
    "outcome",
    [
        Ready(),
        Applied(2, (Entry(ip="10.77.1.10"),), {"10.77.1.1": "ours"}),
        Counters({"bypass": Counter(1, 60)}),
        Changes(("rules",)),
    ],
)
def test_an_outcome_crosses(outcome: Outcome) -> None:
    assert read_answer(encoded(Answer(7, outcome))) == Answer(7, outcome)


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "Quarantine", "entries": [{"ip": "0.0.0.0/0"}]},
        {"type": "Run", "text": "flush ruleset"},
        {"type": "Quarantine", "entries": [{"ip": "10.77.1.10 }; flush ruleset"}]},
        "flush ruleset",
    ],
)
def test_nothing_else_is_taken_for_a_request(wanted: object) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_request(msgspec.msgpack.encode({"number": 1, "wanted": wanted}))


@pytest.mark.parametrize(
    "kind", [FirewallError, LibraryMissingError, NotInstalledError, FullSetError, ProtectedAddressError]
)
def test_an_error_arrives_as_what_it_was(kind: type[FirewallError]) -> None:
    arrived = error_of(failure_of(kind("the text")))
    assert type(arrived) is kind
    assert str(arrived) == "the text"


def test_an_error_of_a_kind_of_its_own_arrives_as_its_nearest_of_kin() -> None:
    assert type(error_of(failure_of(CloserError("the text")))) is FullSetError
    other = error_of(failure_of(NetlinkError("too busy")))
    assert (type(other), str(other)) == (FirewallError, "NetlinkError: too busy")
