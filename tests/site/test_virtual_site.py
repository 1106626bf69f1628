"""The whole site, live on the loopback."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from models.simulation.attacks import seven_attacks
from models.simulation.tempo import BRISK
from tests.site.clock import Clock
from tests.site.network import Loopback
from tests.site.site import VirtualSite
from tests.waiting import until

SCALE = 60.0
ATTACK_LASTS = 30_000
"""Milliseconds of event time."""


@pytest.fixture
def site(tmp_path: Path) -> VirtualSite:
    return VirtualSite(tmp_path, Loopback(), Clock(SCALE), seed=3)


async def test_it_lives_for_minutes_of_event_time(site: VirtualSite) -> None:
    async with site:
        await asyncio.sleep((BRISK.registration_window + 2 * BRISK.settling) / 1000 / SCALE)
        before, began = site.legitimate(), time.monotonic()

        def crossed() -> bool:
            """Whether a call went from one agent to the other."""
            return any(call.client_id == "washingmachine1" for call in site.agents["agent2"].calls)

        def alive() -> bool:
            lives = site.services.values()
            return all(each.tally.calls > 0 for each in lives) and any(each.notifications for each in lives)

        await until(lambda: site.legitimate().calls > before.calls + 180 and alive() and crossed())
        seconds, after = time.monotonic() - began, site.legitimate()
    assert (after.calls - before.calls) / seconds < 160, (
        "no busier than it is to be; how busy it gets is up to the machine"
    )
    assert after.answered == after.calls


async def test_all_seven_attacks_pass_where_nobody_stands_in_between(site: VirtualSite) -> None:
    async with site:
        await asyncio.sleep(BRISK.registration_window / 1000 / SCALE + 0.2)
        await until(lambda: all(live.tally.calls > 0 for live in site.services.values()))
        attacks = seven_attacks(site.floorplan, 6, {"DoSattack": 100})
        reports = [await site.attack(attack, ATTACK_LASTS) for attack in attacks]
        compromised = [address for address, live in site.services.items() if live.compromised]
        await until(lambda: any(site.services[address].tally_compromised.calls for address in compromised))
    assert [report.tally.answered for report in reports] == [report.planned for report in reports]
    assert min(report.planned for report in reports) >= 2
    *compromised_before, newcomer = [attack.attacker for attack in attacks]
    assert sorted(compromised) == sorted(attacker.address for attacker in compromised_before)
    assert site.agents[newcomer.agent].tree.find(newcomer.address).types[0] == newcomer.type
    assert site.legitimate().denied == 0


async def test_nothing_is_left_running(site: VirtualSite) -> None:
    before = asyncio.all_tasks()
    async with site:
        await asyncio.sleep(1)
    await until(lambda: asyncio.all_tasks() == before)


async def test_what_an_operator_knows(site: VirtualSite) -> None:
    assert site.locations()["/agent2/lightcontrol5"] == "Livingroom"
    assert len(site.locations()) == len(site.floorplan.services)
    assert site.credentials("/agent1/battery1").certificate.exists()
