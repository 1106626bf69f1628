"""Another mapping is in force for all workers as soon as its file is good."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.audit.event import Detail, Kind
from proxy.audit.journal import JournalFull
from proxy.configuration import load_gateway
from proxy.mappings import find_mappings, sources
from proxy.processes.messages import Maps
from proxy.storage.mappings_store import MappingsStore
from proxy.supervisor.mappings import MappingsInForce
from tests.proxy.parts import plain_point, plain_settings, write_settings
from tests.proxy.test_mappings import LAMP


class Record:
    """The audit log."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, kind: Kind, sentence: str, **_details: Detail) -> None:
        assert kind is Kind.MAPPING
        self.sentences.append(sentence)


def test_only_what_changed_is_told_and_what_is_broken_changes_nothing(tmp_path: Path) -> None:
    points = [
        plain_point(agent=agent, listen_port=9101 + n, port=80 + n, decoder={"mapping": f"{agent}.yaml"})
        for n, agent in enumerate(("lamp", "lock"))
    ]
    for agent in ("lamp", "lock"):
        (tmp_path / f"{agent}.yaml").write_text(LAMP)
    document = load_gateway(write_settings(tmp_path, plain_settings(access_points=points)))
    told: list[Maps] = []
    notes, store = Record(), MappingsStore(tmp_path)
    mappings = MappingsInForce(document, told.append, notes, store, find_mappings(document).usable)
    asyncio.run(mappings.begin())

    assert asyncio.run(mappings.reload())
    assert (told, mappings.problems, notes.sentences) == ([], [], [])
    assert mappings.names == {"lamp": "A lamp, 1 routes", "lock": "A lamp, 1 routes"}

    (tmp_path / "lock.yaml").write_text(LAMP.replace("/state", "/status"))
    assert asyncio.run(mappings.reload())
    assert [each.agent for each in told] == ["lock"]
    assert b"/status" in told[0].mapping
    assert mappings.current["lock"] == told[0].mapping
    assert notes.sentences == ["Another mapping of lock is in force: A lamp, 1 routes."]
    where = sources(document)["lock"]
    assert store.load("lock", where) == told[0].mapping

    (tmp_path / "lamp.yaml").write_text(LAMP.replace("/state", "/status"))
    (tmp_path / "lock.yaml").write_text("name: broken\n")
    assert not asyncio.run(mappings.reload())
    assert len(told) == 1
    assert mappings.problems[0].startswith(f"{tmp_path}/lock.yaml:1: routes: is missing")
    assert notes.sentences[1].startswith("A mapping is broken; those in force stay")
    assert store.load("lock", where) == told[0].mapping

    (tmp_path / "lock.yaml").write_text(LAMP)
    assert asyncio.run(mappings.reload())
    assert mappings.problems == []
    assert sorted(each.agent for each in told[1:]) == ["lamp", "lock"]


class FullRecord:
    """An audit log that takes no more."""

    def note(self, kind: Kind, sentence: str, **_details: Detail) -> None:
        raise JournalFull(f"{kind}: {sentence}")


def test_an_audit_log_that_takes_no_more_leaves_no_half_of_a_reload(tmp_path: Path) -> None:
    points = [
        plain_point(agent=agent, listen_port=9101 + n, port=80 + n, decoder={"mapping": f"{agent}.yaml"})
        for n, agent in enumerate(("lamp", "lock"))
    ]
    for agent in ("lamp", "lock"):
        (tmp_path / f"{agent}.yaml").write_text(LAMP)
    document = load_gateway(write_settings(tmp_path, plain_settings(access_points=points)))
    told: list[Maps] = []
    store = MappingsStore(tmp_path)
    mappings = MappingsInForce(document, told.append, FullRecord(), store, find_mappings(document).usable)
    asyncio.run(mappings.begin())
    for agent in ("lamp", "lock"):
        (tmp_path / f"{agent}.yaml").write_text(LAMP.replace("/state", "/status"))
    assert asyncio.run(mappings.reload())
    assert sorted(each.agent for each in told) == ["lamp", "lock"]
    assert store.load("lock", sources(document)["lock"]) == mappings.current["lock"]
