"""Nothing is acknowledged that is not stored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from proxy.clocks import real_now
from proxy.federation.messages import LARGEST_STAMP
from proxy.federation.service.problem import Failure
from proxy.federation.service.publishing import Publishing
from proxy.federation.storage.base import Cursor
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.stored import parts, row_of


async def test_what_becomes_of_a_state(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        publishing = Publishing(found.store, found.feed, real_now)
        row = row_of("site-a", learnt(epoch=2, sequence=3))
        assert await publishing.publish(row) == "stored"
        assert await publishing.publish(row) == "known"
        with pytest.raises(Failure) as caught:
            await publishing.publish(row_of("site-a", learnt(epoch=1, sequence=9)))
        assert (caught.value.status, caught.value.held) == (409, (2, 3))


@pytest.mark.parametrize("stamp", [(LARGEST_STAMP + 1, 1), (1, LARGEST_STAMP + 1)])
async def test_a_stamp_after_which_there_is_none_is_refused(tmp_path: Path, stamp: tuple[int, int]) -> None:
    async with parts(tmp_path) as found:
        row = msgspec.structs.replace(row_of("site-a", learnt()), epoch=stamp[0], sequence=stamp[1])
        with pytest.raises(Failure, match="400 malformed"):
            await Publishing(found.store, found.feed, real_now).publish(row)


async def test_a_caller_that_goes_away_does_not_take_it_back(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        publishing = Publishing(found.store, found.feed, real_now)
        going = asyncio.create_task(publishing.publish(row_of("site-a", learnt())))
        staying = asyncio.create_task(publishing.publish(row_of("site-b", learnt())))
        await asyncio.sleep(0)
        going.cancel()
        assert await staying == "stored"
        rows, _ = await found.store.changes(Cursor(), 10)
        assert {row.origin for row in rows} == {"site-a", "site-b"}
