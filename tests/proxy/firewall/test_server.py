"""The helper's side: order, shared transactions, and what is not a request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import msgspec
import pytest

from proxy.firewall.commands import InstallTable, Quarantine, Release
from proxy.firewall.framing import LENGTH, MOST_BYTES, FrameError, framed
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied, Firewall, FullSetError, ProtectedAddressError
from proxy.firewall.plan import Entry
from proxy.firewall.server import serve
from tests.network.namespaces import Host
from tests.proxy.firewall.served import InThread
from tests.proxy.firewall.watched import PLAN, Opening, sender


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
def start(machine: Host, opening: Opening, request: pytest.FixtureRequest) -> Callable[[], FirewallHelper]:
    def make() -> FirewallHelper:
        helper = FirewallHelper(InThread(opening))
        helper.start()
        request.addfinalizer(helper.close)
        request.addfinalizer(opening.gate.set)
        helper.submit(InstallTable(PLAN)).result(5)
        opening.firewall.started.clear()
        opening.firewall.commands.clear()
        return helper

    return make


def test_waiting_quarantines_share_a_transaction(start: Callable[[], FirewallHelper], opening: Opening) -> None:
    helper = start()
    opening.gate.clear()
    first = helper.submit(Quarantine((sender(10),)))
    assert opening.firewall.started.wait(5)
    waiting = [helper.submit(Quarantine((sender(number), sender(number + 50)))) for number in range(11, 31)]
    opening.gate.set()
    assert first.result(5) == Applied(1)
    assert [future.result(5) for future in waiting] == [Applied(2)] * 20
    assert len(opening.firewall.commands) < 6
    assert len(Firewall().entries()) == 41


def test_one_that_fails_does_not_take_its_neighbours_with_it(
    start: Callable[[], FirewallHelper], opening: Opening
) -> None:
    helper = start()
    opening.gate.clear()
    helper.submit(Quarantine((sender(10),)))
    assert opening.firewall.started.wait(5)
    before, wrong, after = (
        helper.submit(Quarantine((Entry(ip=ip),))) for ip in ("10.77.1.11", "10.77.2.11", "10.77.1.12")
    )
    opening.gate.set()
    assert before.result(5) == after.result(5) == Applied(1)
    with pytest.raises(ProtectedAddressError):
        wrong.result(5)


def test_order_is_kept_around_a_release(start: Callable[[], FirewallHelper], opening: Opening) -> None:
    helper = start()
    opening.gate.clear()
    for command in (
        Quarantine((sender(10),)),
        Quarantine((sender(11),)),
        Release((sender(11), sender(10))),
        Quarantine((sender(10),)),
    ):
        last = helper.submit(command)
    opening.gate.set()
    last.result(5)
    assert Firewall().entries() == (sender(10),)


def test_an_error_is_the_callers_and_the_helper_lives_on(start: Callable[[], FirewallHelper]) -> None:
    helper = start()
    remembered = tuple(Entry(ip=f"10.8.{n >> 8 & 255}.{n & 255}") for n in range(1000))
    small = msgspec.structs.replace(PLAN, quarantine_size=1000)
    assert helper.submit(InstallTable(small, remembered)).result(20) == Applied(1000)
    more = [helper.submit(Quarantine(tuple(Entry(ip=f"10.9.{b}.{c}") for c in range(250)))) for b in range(8)]
    for future in more:
        with pytest.raises(FullSetError):
            future.result(20)
    helper.submit(Release(remembered[:1])).result(5)
    assert helper.submit(Quarantine((sender(10),))).result(5) == Applied(1)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (framed(b"flush ruleset"), msgspec.MsgspecError),
        (framed(msgspec.msgpack.encode({"number": 1, "wanted": {"type": "Run"}})), msgspec.MsgspecError),
        (LENGTH.pack(MOST_BYTES + 1), FrameError),
    ],
)
def test_what_is_no_request_ends_the_conversation(machine: Host, stream: bytes, error: type[Exception]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(stream)
        with pytest.raises(error):
            serve(theirs)


def test_it_ends_with_the_other_end_even_over_an_answer(machine: Host, opening: Opening) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        serving = threading.Thread(target=serve, args=(theirs, opening))
        serving.start()
        ours.recv(100)
        ours.close()
        serving.join(5)
        assert not serving.is_alive()
