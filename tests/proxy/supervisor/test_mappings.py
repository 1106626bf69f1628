"""Another mapping is in force for all workers as soon as its file is good."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.configuration import load_gateway
from proxy.mappings import read_mappings
from proxy.processes.messages import Maps
from proxy.supervisor.mappings import MappingsInForce
from tests.proxy.parts import plain_point, plain_settings, write_settings
from tests.proxy.test_mappings import LAMP


def test_only_what_changed_is_told_and_what_is_broken_changes_nothing(tmp_path: Path) -> None:
    points = [
        plain_point(agent=agent, listen_port=9101 + n, port=80 + n, decoder={"mapping": f"{agent}.yaml"})
        for n, agent in enumerate(("lamp", "lock"))
    ]
    for agent in ("lamp", "lock"):
        (tmp_path / f"{agent}.yaml").write_text(LAMP)
    document = load_gateway(write_settings(tmp_path, plain_settings(access_points=points)))
    told: list[Maps] = []
    problems: list[str] = []
    mappings = MappingsInForce(document, told.append, problems.append, read_mappings(document))

    asyncio.run(mappings.reload())
    assert (told, problems) == ([], [])
    assert mappings.names == {"lamp": "A lamp", "lock": "A lamp"}

    (tmp_path / "lock.yaml").write_text(LAMP.replace("/state", "/status"))
    asyncio.run(mappings.reload())
    assert [each.agent for each in told] == ["lock"]
    assert b"/status" in told[0].mapping
    assert mappings.current["lock"] == told[0].mapping

    (tmp_path / "lamp.yaml").write_text(LAMP.replace("/state", "/status"))
    (tmp_path / "lock.yaml").write_text("name: broken\n")
    asyncio.run(mappings.reload())
    assert len(told) == 1
    assert problems[0].startswith(f"{tmp_path}/lock.yaml:1: routes: is missing")
