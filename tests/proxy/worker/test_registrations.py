from __future__ import annotations

import asyncio

import pytest

from proxy.processes.messages import Registered
from proxy.worker import registrations as module
from proxy.worker.registrations import Registrations
from tests.waiting import PATIENCE


async def test_each_waits_for_its_own_ticket() -> None:
    sent: list[Registered] = []
    registrations = Registrations(sent.append)
    first, second = (asyncio.create_task(registrations.registered("agent1")) for _ in range(2))
    await asyncio.sleep(0)
    assert [each.agent for each in sent] == ["agent1", "agent1"]
    registrations.refreshed(sent[1].ticket)
    await asyncio.wait_for(second, PATIENCE)
    assert not first.done()
    registrations.refreshed(sent[0].ticket)
    await asyncio.wait_for(first, PATIENCE)


async def test_a_supervisor_that_does_not_answer_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.02)
    sent: list[Registered] = []
    registrations = Registrations(sent.append)
    await asyncio.wait_for(registrations.registered("agent1"), PATIENCE)
    registrations.refreshed(sent[0].ticket)  # too late, and passed over
