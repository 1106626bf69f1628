"""Whatever fails, an activity goes on, later and later, and says what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from proxy.federation.client.activity import Activity
from proxy.federation.client.backoff import Backoff
from proxy.federation.client.connection import ServiceError
from proxy.federation.client.credentials import CredentialsError
from proxy.federation.client.database import DiskError
from tests.waiting import PATIENCE


class Step:
    """Raises what it is given, one after the other, and works then."""

    def __init__(self, *errors: Exception, last: int = 0) -> None:
        self.errors = list(errors)
        self.times, self.last = 0, last
        self.enough = asyncio.Event()

    async def __call__(self) -> None:
        self.times += 1
        if self.times >= self.last:
            self.enough.set()
        if self.errors:
            raise self.errors.pop(0)


def activity(step: Step) -> Activity:
    return Activity("models", step, lambda: 1000.0, Backoff(chance=lambda: 1.0))


def made_trouble(made: Activity) -> bool:
    return made.trouble is not None


@pytest.mark.parametrize("kind", [ServiceError, CredentialsError, DiskError, KeyError], ids=lambda kind: kind.__name__)
async def test_every_failure_is_told_and_tried_again_later(kind: type[Exception]) -> None:
    made = activity(Step(kind("first"), kind("second")))
    assert await made.once() == 1.0
    assert made.trouble is not None
    assert "first" in made.trouble.text
    assert await made.once() == 2.0
    assert "second" in made.trouble.text
    assert (made.trouble.activity, made.trouble.since, made.trouble.attempts) == ("models", 1000.0, 2)
    assert await made.once() == 0.0
    assert not made_trouble(made)
    made.step = Step(kind("third"))
    assert await made.once() == 1.0, "waits are short again"


@pytest.mark.parametrize(("wanted", "expected"), [(120.0, 120.0), (1e9, 600.0), (0.0, 1.0)])
async def test_a_service_that_wants_to_be_left_alone_is_but_not_for_ever(wanted: float, expected: float) -> None:
    made = activity(Step(ServiceError("busy", status=503, retry_after=wanted)))
    assert await made.once() == expected


async def test_only_cancelling_ends_it() -> None:
    step = Step(*(RuntimeError("defect") for _ in range(5)), last=8)
    made = Activity("models", step, lambda: 0.0, Backoff(first=0.001, most=0.001))
    task = asyncio.create_task(made.forever())
    async with asyncio.timeout(PATIENCE):
        await step.enough.wait()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
