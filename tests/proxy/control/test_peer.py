"""The kernel says who is at the other end; a name is told where there is one."""

from __future__ import annotations

import os
import pwd
import socket

import pytest

from proxy.control.peer import Peer, peer_of


def test_the_kernel_says_who_connected() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_of(ours) == Peer(os.getpid(), os.geteuid())


@pytest.mark.parametrize(("uid", "allowed"), [(0, True), (os.geteuid(), True), (os.geteuid() + 4711, False)])
def test_root_and_the_gateway_s_own_user_may_control_it(uid: int, allowed: bool) -> None:
    assert Peer(1, uid).may_control is allowed


def test_a_person_is_named_and_a_number_where_there_is_no_name() -> None:
    known = pwd.getpwall()[0]
    assert str(Peer(1, known.pw_uid)).endswith(f" (uid {known.pw_uid})")
    assert str(Peer(1, 4_000_000_000)) == "uid 4000000000"
