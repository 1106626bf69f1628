"""Who is taken out leaves nothing, not even what another process took in before it knew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.federation.service import expulsion
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import now_ms
from tests.proxy.federation.service.stored import Parts, parts, row_of
from tests.waiting import PATIENCE


async def gone(found: Parts) -> None:
    """Wait until the store holds nothing that an origin contributed."""
    async with asyncio.timeout(PATIENCE):
        while any(each.topics for each in await found.store.origins("", 10)):  # noqa: ASYNC110 -- it has no event
            await asyncio.sleep(0.02)


async def test_certificates_and_contributions_go(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        await found.certify("site-a", "aa")
        await found.store.put([row_of("site-a", learnt("/one")), row_of("site-a", learnt("/two"))])
        assert await found.expulsion.expel("site-a") == (1, 0, 2)
        assert "aa" in found.revocations
        assert not await found.expulsion.expel("site-a")


async def test_what_came_in_meanwhile_goes_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expulsion, "_ALL_KNOW", 0.1)
    async with parts(tmp_path) as found:
        following = asyncio.create_task(found.expulsion.follow())
        await found.certify("site-a", "aa")
        await found.expulsion.expel("site-a")
        await found.store.put([row_of("site-a", learnt())])
        await gone(found)
        following.cancel()


MINUTE = 60_000


@pytest.mark.parametrize(
    ("ago", "before", "kept"),
    [
        (5 * MINUTE, False, 0),  # the clock of who revoked it is behind
        (-5 * MINUTE, False, 0),  # or ahead
        (5 * MINUTE, True, 0),  # the process that would have finished it may have ended
        (30 * MINUTE, True, 1),  # it may have come back with a new token since
        (30 * 24 * 60 * MINUTE, False, 1),  # read again, as from a backup
    ],
)
async def test_what_is_taken_out_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: int, before: bool, kept: int
) -> None:
    """When it was revoked by the clock of who did it, and whether before this process started."""
    monkeypatch.setattr(expulsion, "_ALL_KNOW", 0.0)
    async with parts(tmp_path) as found:
        following = asyncio.create_task(found.expulsion.follow())
        await found.certify("site-a", "aa")
        await found.store.revoke("site-a", now_ms() - ago)
        await found.store.put([row_of("site-a", learnt())])
        note = found.expulsion.resume if before else found.expulsion.tell
        note(await found.revocations.look())
        if kept == 0:
            await gone(found)
        else:
            await asyncio.sleep(0.2)
            assert await found.store.remove("site-a") == kept
        following.cancel()
