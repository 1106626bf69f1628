"""Changed revocation lists are in force within seconds; broken ones change nothing; old ones raise an alarm."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Detail, Kind
from proxy.revocation import RevocationsInForce, key_of
from proxy.revocation_lists import read_lists
from proxy.supervisor import revocation_watch as module
from proxy.supervisor.revocation_watch import RevocationWatch
from tests.proxy.parts import revocation_files_of
from tests.site.certificates import SiteAuthority, load
from tests.waiting import until


class Bench:
    """A site whose list is in one file, which `watch` looks at."""

    def __init__(self, authority: SiteAuthority, directory: Path) -> None:
        self.authority = authority
        self.light = authority.service("light1").certificate
        self.file = directory / "site.crl"
        self.write(authority.revocation_list([]))
        self.notes: list[tuple[str, dict[str, Detail]]] = []
        self.changes = 0
        self.now = time.time()
        self.full = False
        files = revocation_files_of(authority, self.file)
        self.watch = RevocationWatch(
            files=files,
            lists=read_lists(files),
            in_force=RevocationsInForce(),
            notes=self,
            real_now=lambda: self.now,
            on_change=self._changed,
        )

    def write(self, content: bytes) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(self.file)

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        assert kind is Kind.REVOCATION
        if self.full:
            raise JournalError("full")
        self.notes.append((sentence, details))

    def _changed(self) -> None:
        self.changes += 1

    @property
    def revoked(self) -> bool:
        return self.watch.in_force.current.names(key_of(load(self.light)))


@pytest.fixture
def bench(authority: SiteAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "_PERIOD_SECONDS", 0.02)
    return Bench(authority, tmp_path)


async def test_a_changed_file_is_noticed(bench: Bench) -> None:
    watching = asyncio.create_task(bench.watch.forever())
    await asyncio.sleep(0.06)
    bench.write(bench.authority.revocation_list([bench.light]))
    await until(lambda: bench.revoked)
    assert bench.changes == 1
    assert bench.notes[-1][0] == "Other revocation lists are in force: 1 certificates of CN=site-ca are revoked."
    bench.write(b"half of a li")
    await until(lambda: bench.watch.problem is not None)
    assert bench.revoked
    assert bench.changes == 1
    bench.write(bench.authority.revocation_list([]))
    await until(lambda: not bench.revoked)
    assert bench.watch.alarms == []
    watching.cancel()


async def test_a_file_that_changed_after_it_was_read_for_the_start_is_noticed(bench: Bench) -> None:
    bench.write(bench.authority.revocation_list([bench.light]))
    watching = asyncio.create_task(bench.watch.forever())
    await until(lambda: bench.revoked)
    watching.cancel()


async def test_a_broken_file_changes_nothing_and_says_why(bench: Bench) -> None:
    bench.write(bench.authority.revocation_list([bench.light]))
    await bench.watch.reload()
    for content in (b"", SiteAuthority(bench.file.parent, name="stranger").revocation_list([])):
        bench.write(content)
        await bench.watch.reload()
        assert bench.revoked
        refusals = [d for s, d in bench.notes if s == "The new revocation lists are broken; those in force stay."]
        assert refusals
        assert str(bench.file) in str(refusals[-1]["problems"])
        assert str(bench.file) in bench.watch.alarms[0]
    bench.file.unlink()
    await bench.watch.reload()
    assert bench.revoked


async def test_what_revokes_the_same_is_no_change(bench: Bench) -> None:
    bench.write(bench.authority.revocation_list([]))
    await bench.watch.reload()
    assert bench.changes == 0


async def test_an_old_list_raises_an_alarm_once_a_day(bench: Bench) -> None:
    bench.write(bench.authority.revocation_list([bench.light], expired=True))
    await bench.watch.reload()
    assert bench.revoked

    def alarms() -> int:
        return sum("out of date" in sentence for sentence, _ in bench.notes)

    assert alarms() == 1
    watching = asyncio.create_task(bench.watch.forever())
    await asyncio.sleep(0.1)
    assert alarms() == 1
    bench.now += 25 * 3600
    await until(lambda: alarms() == 2)
    watching.cancel()


async def test_a_full_audit_log_does_not_keep_a_list_out(bench: Bench) -> None:
    bench.full = True
    bench.write(bench.authority.revocation_list([bench.light]))
    await bench.watch.reload()
    assert bench.revoked


async def test_the_gateway_s_own_revoked_certificate_is_an_alarm(bench: Bench) -> None:
    bench.write(bench.authority.revocation_list(bench.watch.files.certificates))
    await bench.watch.reload()
    assert "the gateway's own certificate is revoked" in bench.watch.alarms[0]
