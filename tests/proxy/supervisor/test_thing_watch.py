"""Descriptions that are fetched come into force, and what is wrong with them changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from proxy.audit.event import Kind
from proxy.configuration import GatewayDocument, load_gateway
from proxy.decoders.rest.loading import unpacked
from proxy.decoders.rest.thing_forms import Place
from proxy.revocation import RevocationsInForce
from proxy.storage.things_store import ThingsStore
from proxy.supervisor import thing_watch
from proxy.supervisor.thing_watch import ThingWatch
from proxy.thing_fetching import Fetched, FetchError, Trust
from tests.proxy.parts import plain_point, plain_settings, write_settings

ROOT = "http://10.77.2.11:8080/"


def thing(title: str, href: str, **changes: Any) -> dict[str, Any]:
    return {"title": title, "@type": title, "properties": {"on": {"forms": [{"href": href}]}}} | changes


@dataclass
class Site:
    """An access point that answers as a test wants, and what comes of it."""

    directory: Path
    pages: dict[str, Any]
    in_force: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.news.clear()
                await self.news.wait()

    def replace(self, agent: str, mapping: bytes) -> None:
        assert agent == "things"
        self.in_force.append(mapping)
        self.news.set()

    def fetch(self, url: str, place: Place, trust: Trust | None) -> Fetched:
        assert (place.port, trust) == (8080, None)
        if url not in self.pages:
            raise FetchError(f"{url}: nobody there")
        return Fetched({url: json.dumps(self.pages[url]).encode()})

    def note(self, kind: Kind, sentence: str, **details: Any) -> None:
        assert kind is Kind.THINGS
        assert details["agent"] == "things"
        self.notes.append(sentence)
        self.news.set()

    def document(self, things: Sequence[str]) -> GatewayDocument:
        point = plain_point(agent="things", port=8080, decoder={"things": [*things]})
        return load_gateway(write_settings(self.directory, plain_settings(access_points=[point])))

    def watch(self, things: Sequence[str] = (f"{ROOT}lamp", f"{ROOT}door")) -> ThingWatch:
        return ThingWatch(
            self.document(things),
            ThingsStore(self.directory),
            replace=self.replace,
            notes=self,
            real_now=lambda: 1e9,
            revocations=RevocationsInForce(),
            fetch=self.fetch,
        )

    def paths(self) -> list[str]:
        return sorted({route.path for route in unpacked(self.in_force[-1]).routes})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, {f"{ROOT}lamp": thing("Lamp", "/lamp/on"), f"{ROOT}door": thing("Door", "/door/on")})


async def test_everything_is_known_before_serving(site: Site) -> None:
    watch = site.watch()
    await watch.before_serving()
    assert site.paths() == ["/.well-known/wot", "/door", "/door/on", "/lamp", "/lamp/on"]
    assert (watch.status()["things"].things, watch.status()["things"].fetched) == (2, 1e9)
    assert watch.status()["things"].problems == []


async def test_what_was_known_stays_over_a_restart_while_nobody_answers(site: Site) -> None:
    await site.watch().before_serving()
    site.pages.clear()
    site.in_force.clear()
    watch = site.watch()
    await watch.before_serving()
    assert "/lamp/on" in site.paths()
    assert [line.partition(": ")[2] for line in watch.status()["things"].problems] == ["nobody there"] * 2


async def test_without_any_description_every_call_is_one_to_an_unknown_node(site: Site) -> None:
    site.pages.clear()
    watch = site.watch()
    await watch.before_serving()
    assert site.paths() == ["/.well-known/wot"]
    assert watch.status()["things"].fetched is None


async def test_a_description_that_reaches_for_another_thing_costs_its_own_alone(site: Site) -> None:
    await site.watch().before_serving()
    site.pages[f"{ROOT}door"] = thing("Door", "/lamp/on")
    site.notes.clear()
    watch = site.watch()
    await watch.before_serving()
    assert site.paths() == ["/.well-known/wot", "/lamp", "/lamp/on"]
    assert {route.service for route in unpacked(site.in_force[-1]).routes} == {"lamp", None}
    (problem,) = watch.status()["things"].problems
    assert "'Door': claims /lamp/on, which belongs to lamp" in problem
    assert problem in site.notes[0]


async def test_what_is_no_description_leaves_the_last_one_in_force(site: Site) -> None:
    watch = site.watch()
    await watch.before_serving()
    before = site.in_force[-1]
    site.pages[f"{ROOT}door"] = "out of order"
    site.pages[f"{ROOT}lamp"] = {"title": ""}
    watch = site.watch()
    await watch.before_serving()
    assert site.in_force[-1] == before
    assert ["what was known before stays" in line for line in watch.status()["things"].problems] == [True, True]


async def test_a_name_is_kept_over_a_restart_from_whoever_asks_for_it_first(site: Site) -> None:
    await site.watch().before_serving()
    site.pages[f"{ROOT}lamp"] = [thing("Lamp", "/other", id="urn:a"), thing("Lamp", "/lamp/on")]
    watch = site.watch()
    await watch.before_serving()
    services = {route.path: route.service for route in unpacked(site.in_force[-1]).routes}
    assert services["/lamp/on"] == "lamp"
    assert services["/other"] not in {None, "lamp"}


async def test_a_change_comes_into_force_while_serving_and_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_watch, "_PERIOD_SECONDS", 0.01)
    watch = site.watch()
    await watch.before_serving()
    site.notes.clear()
    site.pages[f"{ROOT}lamp"] = thing("Lamp", "/lamp/on", **{"@type": "Fan"})
    task = asyncio.create_task(watch.forever())
    await site.until(lambda: bool(site.notes))
    task.cancel()
    assert site.notes == [
        "Other Thing Descriptions of things are in force: lamp was of type /wot/Lamp, and is of /wot/Fan."
    ]
    assert b"/wot/Fan" in site.in_force[-1]


async def test_who_fails_is_asked_again_soon_and_told_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_watch, "_FIRST_RETRY_SECONDS", 0.01)
    door = site.pages.pop(f"{ROOT}door")
    watch = site.watch()
    await watch.before_serving()
    task = asyncio.create_task(watch.forever())
    await asyncio.sleep(0.1)
    assert [note for note in site.notes if "nobody there" in note] == [site.notes[0]]
    site.pages[f"{ROOT}door"] = door
    await site.until(lambda: "/door/on" in site.paths())
    task.cancel()
    assert watch.status()["things"].problems == []


async def test_a_reload_fetches_anew_and_reads_the_files_again(site: Site) -> None:
    file = site.directory / "blind.td.json"
    file.write_text(json.dumps(thing("Blind", "/blind/up")))
    given = [str(file), f"{ROOT}lamp"]
    watch = site.watch(given)
    await watch.before_serving()
    assert "/lamp/on" in site.paths()

    site.pages[f"{ROOT}lamp"] = thing("Lamp", "/lamp/level")
    file.write_text(json.dumps(thing("Blind", "/blind/down")))
    await watch.reload(files=False)
    assert {"/lamp/level", "/blind/up"} <= set(site.paths()), "files wait until all of them are good"
    await watch.reload(files=True)
    assert {"/lamp/level", "/blind/down"} <= set(site.paths())

    file.unlink()
    site.pages.clear()
    known = len(site.in_force)
    await watch.reload(files=True)
    assert len(site.in_force) == known, "what is gone changes nothing"
    assert any("blind.td.json" in note for note in site.notes)
    assert any("nobody there" in note for note in site.notes)


async def test_descriptions_that_are_others_each_time_are_renewed_less_often(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) <= 8:
            site.pages[f"{ROOT}lamp"] = thing("Lamp", f"/lamp/{len(pauses)}")
        if len(pauses) == 24:
            site.news.set()
            await asyncio.Event().wait()

    watch = site.watch()
    await watch.before_serving()
    monkeypatch.setattr(asyncio, "sleep", sleep)
    task = asyncio.create_task(watch.forever())
    await site.until(lambda: len(pauses) == 24)
    task.cancel()
    # One that was changed once is no matter; one that changes on and on cuts others' connections once an hour.
    assert pauses[:2] == [300.0, 600.0]
    assert pauses[4:9] == [3600.0] * 5
    assert pauses[-1] == 300.0
