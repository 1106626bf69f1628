"""Origins with a real service in between: what one learnt the others know, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from models.candidates import Candidate
from models.exchange.envelope import decode_others
from models.exchange.showings import Showing, Showings
from models.relationship import Key
from proxy.clocks import real_now
from proxy.federation.client import link as module
from proxy.federation.client import reader
from proxy.federation.client.credentials import CERTIFICATE, Credentials
from proxy.federation.client.database import FILE
from proxy.federation.client.enrolment import enrol
from proxy.federation.client.versions import UnknownVersionError
from tests.proxy.federation.client.origin import Origin, enrolled, linked, url
from tests.proxy.federation.service.running import Place
from tests.waiting import until

_numbers = count()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    settings = {"limits": {"requests_per_second": 1000}}
    with Place(tmp_path_factory.mktemp("service"), settings).serving() as place:
        yield place


@pytest.fixture
def pair(service: Place, tmp_path: Path) -> tuple[Origin, Origin, str]:
    """Two origins, and a service type that no other test uses."""
    number = next(_numbers)
    lamp = f"/lamp{number}"
    one, other = (enrolled(service, tmp_path / name, f"{name}-{number}") for name in ("one", "other"))
    return one, other, lamp


async def test_what_one_origin_learnt_the_other_knows_and_never_itself(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, other, lamp = pair
    one.learn(5, lamp)
    other.learn(3, lamp, "/doorLock")
    first, second = one.link(url(service)), other.link(url(service))
    async with linked(first, second):
        await until(lambda: other.elsewhere(lamp) == one.models[lamp])
        await until(lambda: one.elsewhere(lamp) == other.models[lamp])
        one.learn(2, lamp)
        await until(lambda: other.elsewhere(lamp) == one.models[lamp])
        await until(lambda: first.status().waiting == 0)
        status = first.status()
    assert status.origin.startswith("one-")
    assert status.troubles == []
    assert status.refused == {}
    assert status.models[lamp].sites == 1
    assert status.models[lamp].weight == 3
    assert status.published > 0 < status.heard
    assert one.words > 0


async def test_what_was_in_force_is_in_force_after_a_restart_without_the_service(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, other, lamp = pair
    one.learn(5, lamp)
    async with linked(one.link(url(service)), other.link(url(service))):
        await until(lambda: other.elsewhere(lamp) == one.models[lamp])
    again = Origin(other.directory)
    away = again.link("https://127.0.0.1:9")
    async with linked(away):
        await until(lambda: again.elsewhere(lamp) == one.models[lamp])
        await until(lambda: len(away.status().troubles) == 2)
        status = away.status()
    assert status.heard == 0.0
    assert status.models[lamp].received > 0
    assert {each.activity for each in status.troubles} == {"models", "acceptances"}, "there is nothing new to publish"
    assert all("127.0.0.1:9" in each.text for each in status.troubles)


async def test_a_restored_backup_begins_a_new_epoch_and_counts_once(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, other, lamp = pair
    one.learn(5, lamp)
    async with linked(one.link(url(service))):
        await until(lambda: other_knows(service, other, one, lamp))
    backup = one.directory / "backup"
    backup.mkdir()
    for path in one.directory.glob(f"{FILE}*"):
        shutil.copy(path, backup)
    before = Origin(one.directory)
    before.learn(5, lamp)
    for _ in range(3):
        one.learn(1, lamp)
        async with linked(one.link(url(service))):
            await until(lambda: other_knows(service, other, one, lamp))
    for path in backup.iterdir():
        shutil.copy(path, one.directory)
    before.learn(1, lamp, "/doorLock")
    link = before.link(url(service))
    async with linked(link):
        await until(lambda: other_knows(service, other, before, lamp))
        await until(lambda: link.status().waiting == 0)
        await until(lambda: link.status().epochs == 2)
        await until(lambda: link.status().troubles == [])


def other_knows(service: Place, other: Origin, one: Origin, lamp: str) -> bool:
    """Whether the service tells others exactly what an origin learnt."""
    caller = service.stranger()
    caller.context.load_cert_chain(other.credentials / CERTIFICATE, other.credentials / "origin.key")
    answer = caller.model(lamp)
    caller.close()
    if answer.status != 200:
        return False
    found = decode_others(lamp, answer.body, now_minute=one.now() // 60_000).elsewhere
    return found is not None and found.model == one.models[lamp]


async def test_a_damaged_file_begins_anew_and_counts_once(service: Place, pair: tuple[Origin, Origin, str]) -> None:
    one, other, lamp = pair
    one.learn(5, lamp)
    async with linked(one.link(url(service))):
        await until(lambda: other_knows(service, other, one, lamp))
    (one.directory / FILE).write_bytes(b"garbage" * 5000)
    one.learn(2, lamp)
    link = one.link(url(service))
    async with linked(link):
        await until(lambda: other_knows(service, other, one, lamp))
        await until(lambda: link.status().troubles == [])
    assert (one.directory / "federation.damaged.db").exists()


async def test_what_two_sites_show_is_accepted_by_both_until_one_is_taken_out(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, other, lamp = pair
    candidate = Candidate(lamp, "relationship", Key("/cloud", own=False, operation="set", data_type="/basic/text"))
    async with linked(one.link(url(service)), other.link(url(service))):
        await until(lambda: one.words and other.words)
        for origin in (one, other):
            now = origin.now()
            showing = Showing(candidate=candidate, recent=2, persistent=0, onset=now, last=now)
            origin.shown = Showings(instances={lamp: 2}, open=[showing])
        await until(lambda: one.accepted and other.accepted)
        assert [each.candidate for each in one.accepted] == [candidate]
        assert [each.candidate for each in other.accepted] == [candidate]
        await asyncio.to_thread(service.revoke, f"other-{lamp.removeprefix('/lamp')}")
        await until(lambda: one.withdrawn == [candidate])

    again = Origin(one.directory)
    async with linked(again.link("https://127.0.0.1:9")):
        await until(lambda: again.withdrawn == [candidate])
    assert again.accepted == [], "told again after a restart"


async def test_a_pinned_version_stays_in_force_until_it_is_unpinned(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, other, lamp = pair
    one.learn(5, lamp)
    link = other.link(url(service))
    async with linked(one.link(url(service)), link):
        await until(lambda: lamp in link.status().models)
        first = link.status().models[lamp].version
        one.learn(1, lamp)
        await until(lambda: link.status().models[lamp].version != first)
        assert await link.pin(lamp, first, "root") == first
        assert other.elsewhere(lamp) != one.models[lamp]
        second = link.status().models[lamp].newest
        one.learn(1, lamp)
        await until(lambda: link.status().models[lamp].newest not in {first, second})
        assert link.status().models[lamp].version == first
        assert link.status().models[lamp].pinned
        with pytest.raises(UnknownVersionError, match=r"there is no version none of .*; there are: #"):
            await link.pin(lamp, "none", "root")

    again = Origin(other.directory)
    link = again.link(url(service))
    async with linked(link):
        await until(lambda: lamp in again.told and lamp in link.status().models)
        assert link.status().models[lamp].version == first, "over a restart, too"
        await link.unpin(lamp)
        await until(lambda: again.elsewhere(lamp) == one.models[lamp])
        with pytest.raises(UnknownVersionError, match=r"no version of .* is pinned"):
            await link.unpin(lamp)


async def test_who_was_taken_out_is_forgotten_by_the_others(
    service: Place, pair: tuple[Origin, Origin, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "GRACE", 0.0)
    one, other, lamp = pair
    one.learn(5, lamp)
    link = one.link(url(service))
    async with linked(link, other.link(url(service))):
        await until(lambda: other.elsewhere(lamp) == one.models[lamp])
        name = link.status().origin
        operator = await asyncio.to_thread(service.member, f"operator-{name}", "operator")
        answer = await asyncio.to_thread(operator.ask, "DELETE", f"/v1/origins/{name}")
        assert answer.status < 300
        await until(lambda: not other.told.get(lamp) or not other.elsewhere(lamp))
        await until(lambda: any("does not admit" in each.text for each in link.status().troubles))


async def test_without_a_certificate_nothing_is_asked_and_one_that_comes_is_used_at_once(
    service: Place, pair: tuple[Origin, Origin, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CERTIFICATE_SECONDS", 0.1)
    one, other, lamp = pair
    one.learn(5, lamp)
    hidden = one.credentials.rename(one.directory / "hidden")
    link = one.link(url(service))
    async with linked(link):
        await until(lambda: link.status().troubles)
        (trouble,) = link.status().troubles
        assert trouble.activity == "certificate"
        assert "enrol with a new token" in trouble.text
        hidden.rename(one.credentials)
        await until(lambda: other_knows(service, other, one, lamp))


async def test_a_certificate_is_renewed_in_time_by_itself(
    service: Place, pair: tuple[Origin, Origin, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CERTIFICATE_SECONDS", 0.1)
    one, other, lamp = pair
    one.learn(5, lamp)
    before = Credentials.read(one.credentials)
    days = 0.0
    link = one.link(url(service), now=lambda: real_now() + days * 86_400)
    async with linked(link):
        await until(lambda: other_knows(service, other, one, lamp))
        assert Credentials.read(one.credentials).stamp == before.stamp
        days = 61.0  # of ninety
        await until(lambda: Credentials.read(one.credentials).stamp != before.stamp)
        renewed = Credentials.read(one.credentials)
        await asyncio.sleep(0.5)
        assert Credentials.read(one.credentials).stamp == renewed.stamp, "what is due at once again makes no loop"
        days = 0.0
        await until(lambda: link.status().troubles == [])
        one.learn(1, lamp)
        await until(lambda: other_knows(service, other, one, lamp))
        days = 100.0
        await until(lambda: any("expired on" in each.text for each in link.status().troubles))


async def test_who_enrols_again_under_another_name_is_told_which_to_revoke(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, _, _ = pair
    link = one.link(url(service))
    async with linked(link):
        await until(lambda: link.status().origin)
        assert link.status().former == ""
    before = link.status().origin
    token = await asyncio.to_thread(service.invite, f"{before}-renamed")
    await enrol(url(service), token, one.credentials)
    again = one.link(url(service))
    async with linked(again):
        await until(lambda: again.status().origin == f"{before}-renamed")
        await until(lambda: again.status().former == before)


async def test_while_the_disk_refuses_the_federation_pauses_and_says_so(
    service: Place, pair: tuple[Origin, Origin, str]
) -> None:
    one, other, lamp = pair
    one.learn(5, lamp)
    (one.directory / FILE).symlink_to("nowhere")
    link = one.link(url(service))
    async with linked(link):
        await until(lambda: link.status().troubles)
        (trouble,) = link.status().troubles
        assert trouble.activity == "disk"
        assert "the federation pauses -- make room on the disk, or make the file writable" in trouble.text
        (one.directory / FILE).unlink()
        await until(lambda: other_knows(service, other, one, lamp))
        await until(lambda: link.status().troubles == [])
