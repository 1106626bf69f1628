"""Who is revoked is known soon; where it is not, nobody is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.federation.service.problem import Failure
from proxy.federation.service.revocations import LOOK_UP, STALE, Revocations
from proxy.federation.storage.base import Certificate, StoreError
from tests.proxy.federation.service.running import now_ms
from tests.proxy.federation.service.stored import parts


async def test_what_is_revoked_is_told_once(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        await found.certify("site-a", "aa")
        await found.certify("site-a", "ab")
        await found.store.revoke("site-a", now_ms())
        assert {each.serial for each in await found.revocations.look()} == {"aa", "ab"}
        assert "aa" in found.revocations
        assert "ac" not in found.revocations
        assert await found.revocations.look() == []
        assert len(found.revocations) == 2


async def test_nobody_is_let_in_while_it_is_not_known_who_is_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    async with parts(tmp_path) as found:
        revocations = Revocations(found.store, lambda: clock[0])
        with pytest.raises(Failure, match="503 revocations"):
            revocations.require_fresh()
        await revocations.look()
        clock[0] += STALE
        revocations.require_fresh()

        async def away(*_: object) -> None:
            raise StoreError("away")

        monkeypatch.setattr(found.store, "revocations", away)
        with pytest.raises(StoreError):
            await revocations.look()
        clock[0] += 0.1
        with pytest.raises(Failure, match="503 revocations"):
            revocations.require_fresh()


async def test_what_was_revoked_is_kept_until_every_connection_has_asked_the_store(tmp_path: Path) -> None:
    """Whatever real time is: its steps make nobody welcome again, and the table does not grow."""
    clock = [100.0]
    async with parts(tmp_path) as found:
        revocations = Revocations(found.store, lambda: clock[0])
        # It has expired, by the clock of this machine.
        await found.record(Certificate("aa", "site-a", "origin", 1000))
        await found.store.revoke("site-a", 900)
        await revocations.look()
        clock[0] += LOOK_UP
        await found.certify("site-b", "bb")
        await found.store.revoke("site-b", now_ms())
        await revocations.look()
        assert "aa" in revocations
        clock[0] += LOOK_UP + 1
        await revocations.look()
        assert "aa" not in revocations
        assert "bb" in revocations
        assert len(revocations) == 1
        assert not await found.store.counts("aa")
