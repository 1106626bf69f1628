"""Who is revoked is known soon; where it is not, nobody is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.federation.service.problem import Failure
from proxy.federation.service.revocations import STALE, Revocations
from proxy.federation.storage.base import StoreError
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
        revocations = Revocations(found.store, lambda: now_ms() / 1000, lambda: clock[0])
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


async def test_certificates_that_have_expired_are_forgotten(tmp_path: Path) -> None:
    now = [now_ms() / 1000]
    async with parts(tmp_path) as found:
        revocations = Revocations(found.store, lambda: now[0], lambda: 0.0)
        await found.certify("site-a", "aa")
        await found.store.revoke("site-a", now_ms())
        await revocations.look()
        now[0] += 10**6
        await revocations.look()
        assert "aa" not in revocations
