"""What is known of network addresses: from real files of leases, and told once it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from proxy.configuration import InventoryDocument
from proxy.inference import Hint
from proxy.supervisor.hints import HintWatch


def watch(leases: Path, told: list[Mapping[str, Hint]]) -> HintWatch:
    inventory = InventoryDocument.model_validate(
        {"inference": [{"name": "camera", "host_name": "cam*"}], "leases": [leases]}
    )
    return HintWatch(inventory, lambda: 0.0, told.append)


def test_host_names_and_link_addresses_of_leases_are_told_once(tmp_path: Path) -> None:
    leases = tmp_path / "dnsmasq.leases"
    leases.write_text("0 02:00:5e:00:53:01 198.51.100.7 CAM-7 *\n")
    told: list[Mapping[str, Hint]] = []
    found = watch(leases, told)
    asyncio.run(found.look())
    asyncio.run(found.look())
    assert told[0]["198.51.100.7"] == Hint("cam-7", "02:00:5e:00:53:01")
    assert [each["198.51.100.7"] for each in told] == [told[0]["198.51.100.7"]] * len(told)
    leases.write_text("0 02:00:5e:00:53:02 198.51.100.7 tv *\n")
    asyncio.run(found.look())
    assert told[-1]["198.51.100.7"] == Hint("tv", "02:00:5e:00:53:02")


def test_a_file_that_cannot_be_read_leaves_what_was_known(tmp_path: Path) -> None:
    leases = tmp_path / "dnsmasq.leases"
    leases.write_text("0 02:00:5e:00:53:01 198.51.100.7 cam-7 *\n")
    found = watch(leases, [])
    asyncio.run(found.look())
    leases.unlink()
    asyncio.run(found.look())
    assert found.current["198.51.100.7"].host_name == "cam-7"
