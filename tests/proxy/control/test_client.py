"""A command gets what it asked for, or one line that says why not and what to do."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import pytest

from proxy.control.client import ControlClient, NotReached
from proxy.control.messages import NewQuarantine
from proxy.control.place import listening_socket
from proxy.control.refusal import NotDone
from tests.proxy.control.serving import Desk, asked, serving


async def test_every_question_is_answered(tmp_path: Path) -> None:
    desk = Desk()
    sender = "/agent1/a b?%2F#ü"
    async with serving(tmp_path, desk):
        wanted = NewQuarantine(sender=sender, reason="why not", seconds=60)
        made = await asked(tmp_path, lambda gateway: gateway.add(wanted))
        assert made.identity == sender
        assert [q.identity for q in (await asked(tmp_path, lambda gateway: gateway.quarantines())).quarantines] == [
            sender
        ]
        assert (await asked(tmp_path, lambda gateway: gateway.delete(sender, "was wrong"))).identity == sender
        assert (await asked(tmp_path, lambda gateway: gateway.reload_policy())).mode == "enforce"
    assert [each[0] for each in desk.asked] == ["add", "delete", "reload"]
    assert desk.asked[1][3] == "was wrong"


async def test_a_refusal_comes_with_all_its_reasons(tmp_path: Path) -> None:
    desk = Desk()
    desk.policy_problems = ["policy.yaml:1: mode: ...", "policy.yaml:2: ..."]
    async with serving(tmp_path, desk):
        with pytest.raises(NotDone, match="nothing was changed") as refused:
            await asked(tmp_path, lambda gateway: gateway.reload_policy())
    assert (refused.value.remedy, refused.value.problems) == ("correct it", tuple(desk.policy_problems))


def test_where_no_gateway_runs_it_is_said_what_can_be_done(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(NotReached, match=r"no gateway serves from .* start it"):
            ControlClient(tmp_path).quarantines()
        listening_socket(tmp_path).close()


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"])
def test_an_answer_that_is_none_is_told(tmp_path: Path, answer: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    with listening_socket(tmp_path) as listener:
        thread = Thread(target=serve, args=[listener])
        thread.start()
        with pytest.raises(NotReached, match="gateway"):
            ControlClient(tmp_path).quarantines()
        thread.join()
