"""A quarantine reaches disk, kernel, audit log and live connections; and leaves them again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from policy.protection import Protection
from policy.quarantine import ProtectedError, QuarantineRegister, identity_of
from policy.verdict import Sender, Strength
from proxy.audit.trail import QuarantineChange
from proxy.carriers import REMEMBERED_SECONDS, Carriers
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied, FirewallError
from proxy.firewall.plan import Entry
from proxy.kernel_quarantines import KernelQuarantines
from proxy.places import Places
from proxy.processes.messages import Sighted
from proxy.quarantine import QuarantineKeeper
from proxy.storage.quarantine_store import QuarantineStore
from tests.policy.calls import WASHING_MACHINE
from tests.proxy.firewall.kernel import Kernel
from tests.proxy.firewall.served import InThread
from tests.proxy.parts import quarantine_entry

MAC = "02:00:5e:00:53:01"


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def note(self, changed: QuarantineChange) -> None:
        self.lines.append((changed.change, changed.entry.address, changed.kernel))


class Bench:
    def __init__(self, directory: Path, background: ThreadPoolExecutor, *, capacity: int = 8) -> None:
        self.kernel = Kernel()
        self.helpers = InThread(lambda: self.kernel)
        self.firewall = FirewallHelper(self.helpers)
        self.firewall.start()
        self.register = QuarantineRegister(capacity=capacity)
        self.store = QuarantineStore(directory)
        self.log = Log()
        self.broken: list[BaseException] = []
        self.alarms: list[int] = []
        self.kernel_thread = ThreadPoolExecutor(max_workers=1)
        self.background = background
        self.carriers = Carriers(
            {"192.0.2.40": frozenset({"/agent2/boiler"}), "192.0.2.41": frozenset({"/agent1/light1"})}
        )
        self.links: dict[str, str] = {"192.0.2.17": MAC, "192.0.2.18": MAC}
        self.keeper = QuarantineKeeper(
            register=self.register,
            kernel=KernelQuarantines(self.firewall, self.alarms.append),
            store=self.store,
            log=self.log.note,
            kernel_thread=self.kernel_thread,
            background=background,
            on_broken=lambda _place, error: self.broken.append(error),
            carriers=self.carriers,
            places=Places(neighbours=lambda: dict(self.links), own=lambda: ["192.0.2.1", "2001:db8::1"]),
        )

    async def enter(self, sender: Sender = WASHING_MACHINE, *, until: float = 4600.0) -> None:
        """Quarantine a sender, as a worker asks for it, and wait until that is carried out."""
        entry = quarantine_entry(sender.address, ip=sender.ip, until=until, identity=identity_of(sender))
        self.keeper.enter(entry, entry.since)
        await self.settled()

    def see(self, ip: str, identity: str, now: float) -> None:
        self.keeper.sighted(Sighted(ip, identity, f"/agent1/{identity.rpartition(':')[2]}"), now)

    async def settled(self) -> None:
        for thread in (self.kernel_thread, self.background):
            await asyncio.wrap_future(thread.submit(lambda: None))

    def close(self) -> None:
        self.kernel_thread.shutdown()
        self.background.shutdown()
        self.firewall.close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ThreadPoolExecutor(max_workers=1) as background:
        bench = Bench(tmp_path, background)
        yield bench
        bench.close()


async def test_a_sender_alone_at_its_address_is_cut_off_in_the_kernel(bench: Bench) -> None:
    await bench.enter()
    assert bench.kernel.held == {("192.0.2.17", MAC)}
    assert bench.log.lines == [("added", WASHING_MACHINE.address, f"{MAC} . 192.0.2.17")]
    (stored,) = bench.store.all()
    assert stored.kernel == Entry(ip="192.0.2.17", mac=MAC, until=4600.0)
    assert bench.broken == []


async def test_without_a_known_link_address_the_ip_alone_is_cut_off(bench: Bench) -> None:
    bench.links.clear()
    await bench.enter()
    assert bench.kernel.held == {("192.0.2.17", None)}
    assert bench.log.lines == [("added", WASHING_MACHINE.address, "192.0.2.17")]


def neighbour(name: str, ip: str = "192.0.2.17") -> Sender:
    """Another service with a certificate, by default at the washing machine's address."""
    return msgspec.structs.replace(WASHING_MACHINE, address=f"/agent1/{name}", client_id=name, ip=ip)


@pytest.mark.parametrize("how", ["seen there", "inventoried there", "in its /64", "in its /64, link unknown"])
async def test_an_address_that_carries_others_is_left_alone_in_the_kernel(bench: Bench, how: str) -> None:
    sender, other = WASHING_MACHINE, neighbour("tv1")
    if how == "seen there":
        bench.see(sender.ip, identity_of(other), 900.0)
    elif how == "inventoried there":
        sender = msgspec.structs.replace(sender, ip="192.0.2.40")
    else:
        sender = msgspec.structs.replace(sender, ip="2001:db8::17")
        bench.links |= {"2001:db8::17": MAC} | ({"2001:db8::18": MAC} if how == "in its /64" else {})
        bench.see("2001:db8::18", identity_of(other), 900.0)
    await bench.enter(sender)
    assert bench.kernel.held == set()
    assert bench.log.lines == [("added", WASHING_MACHINE.address, "none: other senders share the address")]
    (stored,) = bench.store.all()
    assert stored.kernel is None


async def test_the_kernel_does_not_drop_a_peer_for_a_service_that_it_calls_for(bench: Bench) -> None:
    entry = msgspec.structs.replace(quarantine_entry("/agent3/a"), strength=Strength.VOUCHED)
    bench.keeper.enter(entry, entry.since)
    await bench.settled()
    assert bench.register.holding(entry.identity, entry.since) == entry
    assert bench.kernel.held == set()


async def test_other_devices_in_the_same_network_and_those_that_have_left_do_not_count(bench: Bench) -> None:
    bench.links |= {"2001:db8::17": MAC, "2001:db8::18": "02:00:5e:00:53:18"}
    bench.see("2001:db8::18", "certificate:tv1", 900.0)
    bench.see("2001:db8::17", "certificate:moved", 900.0 - REMEMBERED_SECONDS)
    await bench.enter(msgspec.structs.replace(WASHING_MACHINE, ip="2001:db8::17"))
    assert bench.kernel.held == {("2001:db8::17", MAC)}


async def test_who_was_seen_before_its_link_address_was_known_is_told_apart_by_it_later(bench: Bench) -> None:
    """The neighbours are looked at once a second: who turned up since then is not yet among them."""
    bench.see("2001:db8::18", "certificate:tv1", 900.0)
    bench.links |= {"2001:db8::17": MAC, "2001:db8::18": "02:00:5e:00:53:18"}
    await bench.enter(msgspec.structs.replace(WASHING_MACHINE, ip="2001:db8::17"))
    assert bench.kernel.held == {("2001:db8::17", MAC)}
    bench.see("2001:db8::19", "certificate:tv2", 1100.0)
    await bench.settled()
    assert bench.kernel.held == set(), "it may be the same device"
    bench.links["2001:db8::19"] = "02:00:5e:00:53:19"
    bench.keeper.places.renew()
    bench.keeper.expire(1101.0)
    await bench.settled()
    assert bench.kernel.held == {("2001:db8::17", MAC)}


async def test_who_turns_up_at_the_address_later_gets_through(bench: Bench) -> None:
    await bench.enter()
    bench.see("192.0.2.17", identity_of(WASHING_MACHINE), 1100.0)
    bench.see("192.0.2.18", "certificate:tv1", 1100.0)
    await bench.settled()
    assert bench.kernel.held == {("192.0.2.17", MAC)}
    bench.see("192.0.2.17", "certificate:tv1", 1200.0)
    await bench.settled()
    assert bench.kernel.held == set()
    assert bench.log.lines[-1] == ("changed", WASHING_MACHINE.address, "none: other senders share the address")
    assert bench.keeper.kernel.entries == ()
    (stored,) = bench.store.all()
    assert stored.kernel is None


async def test_when_all_at_an_address_are_in_quarantine_the_kernel_drops_it_until_one_is_not(bench: Bench) -> None:
    for name in ("washingmachine1", "tv1"):
        bench.see("192.0.2.17", f"certificate:{name}", 900.0)
    await bench.enter()
    assert bench.kernel.held == set()
    await bench.enter(neighbour("tv1"), until=3000.0)
    assert bench.kernel.held == {("192.0.2.17", MAC)}
    assert ("changed", WASHING_MACHINE.address, f"{MAC} . 192.0.2.17") in bench.log.lines
    bench.keeper.expire(3000.0)
    await bench.settled()
    assert bench.kernel.held == set()
    assert bench.register.holding(identity_of(WASHING_MACHINE), 3000.0) is not None


async def test_a_shorter_quarantine_does_not_take_the_place_of_a_longer_one(bench: Bench) -> None:
    await bench.enter()
    shorter = quarantine_entry(ip="192.0.2.17", until=2000.0, identity=identity_of(WASHING_MACHINE))
    assert bench.keeper.enter(shorter, 1000.0).until == 4600.0
    await bench.settled()
    (stored,) = bench.store.all()
    assert stored.entry["until"] == 4600.0
    assert len(bench.log.lines) == 1


async def test_a_disk_that_is_slow_keeps_nobody_out_of_the_kernel(bench: Bench) -> None:
    gate = threading.Event()
    bench.background.submit(gate.wait, 10)
    entry = quarantine_entry(identity=identity_of(WASHING_MACHINE))
    try:
        bench.keeper.enter(entry, entry.since)
        await asyncio.wrap_future(bench.kernel_thread.submit(lambda: None))
        assert bench.kernel.held == {("192.0.2.17", MAC)}
        bench.register.release(entry.identity)
        bench.keeper.release(entry, 2000.0)
        await asyncio.wrap_future(bench.kernel_thread.submit(lambda: None))
        assert bench.kernel.held == set()
        assert bench.log.lines == []
    finally:
        gate.set()
    await bench.settled()
    assert [line[0] for line in bench.log.lines] == ["added", "removed"]
    assert bench.store.all() == []


async def test_a_longer_quarantine_at_another_address_moves_along(bench: Bench) -> None:
    """What the kernel dropped before is free again for whoever has that address now."""
    await bench.enter()
    await bench.enter(msgspec.structs.replace(WASHING_MACHINE, ip="192.0.2.19"), until=9000.0)
    assert bench.kernel.held == {("192.0.2.19", None)}
    assert bench.log.lines[-1] == ("added", WASHING_MACHINE.address, "192.0.2.19")
    bench.see("192.0.2.17", "certificate:tv1", 2000.0)
    bench.see("192.0.2.19", "certificate:tv2", 2000.0)
    await bench.settled()
    assert bench.kernel.held == set()
    assert [line[0] for line in bench.log.lines] == ["added", "added", "changed"]


async def test_a_longer_quarantine_where_others_are_leaves_nothing_behind_in_the_kernel(bench: Bench) -> None:
    bench.see("192.0.2.19", "certificate:tv2", 900.0)
    await bench.enter()
    await bench.enter(msgspec.structs.replace(WASHING_MACHINE, ip="192.0.2.19"), until=9000.0)
    assert bench.kernel.held == set()
    (stored,) = bench.store.all()
    assert stored.kernel is None


async def test_a_longer_quarantine_at_the_same_address_keeps_the_link_address_of_before(bench: Bench) -> None:
    await bench.enter()
    bench.links.clear()
    await bench.enter(until=9000.0)
    assert bench.kernel.held == {("192.0.2.17", MAC)}


async def test_a_release_that_the_kernel_refuses_is_told_and_the_quarantine_is_over(bench: Bench) -> None:
    await bench.enter()
    (entry,) = bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    bench.kernel.problem = FirewallError("no permission")
    bench.keeper.release(entry, 2000.0)
    await bench.settled()
    assert bench.log.lines[-1] == ("removed", WASHING_MACHINE.address, "not removed: no permission")
    assert len(bench.broken) == 1
    assert bench.store.all() == []


async def test_a_sender_whose_address_nobody_knows_is_refused_by_the_gateway_alone(bench: Bench) -> None:
    await bench.enter(msgspec.structs.replace(WASHING_MACHINE, ip=""))
    assert bench.log.lines == [("added", WASHING_MACHINE.address, "none: its address is not known")]
    assert bench.broken == []


async def test_a_kernel_that_refuses_is_told_and_the_quarantine_holds(bench: Bench) -> None:
    bench.kernel.problem = FirewallError("the set is full")
    await bench.enter()
    assert bench.log.lines == [("added", WASHING_MACHINE.address, "none: the set is full")]
    assert len(bench.store.all()) == 1
    assert bench.broken == []


async def test_a_disk_that_refuses_is_told_and_the_quarantine_holds(bench: Bench) -> None:
    bench.store.close()
    await bench.enter()
    assert len(bench.broken) == 1
    assert bench.register.holding(identity_of(WASHING_MACHINE), 2000.0) is not None


async def test_who_is_protected_is_not_taken_in(bench: Bench) -> None:
    bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    with pytest.raises(ProtectedError):
        await bench.enter()
    await bench.settled()
    assert bench.log.lines == []
    assert bench.store.all() == []


async def test_an_expired_quarantine_is_forgotten(bench: Bench) -> None:
    await bench.enter()
    bench.keeper.expire(4599.0)
    await bench.settled()
    assert len(bench.store.all()) == 1
    bench.keeper.expire(4600.0)
    await bench.settled()
    assert bench.store.all() == []
    assert bench.log.lines[-1] == ("expired", WASHING_MACHINE.address, "ended")
    assert bench.register.entries == ()


async def test_a_released_sender_is_let_through_at_once(bench: Bench) -> None:
    await bench.enter()
    (entry,) = bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    bench.keeper.release(entry, 2000.0)
    await bench.settled()
    assert bench.kernel.held == set()
    assert bench.store.all() == []
    assert bench.log.lines[-1] == ("removed", WASHING_MACHINE.address, "removed")


@pytest.mark.parametrize("present", [None, "02:00:5e:00:53:99"], ids=["forgotten", "another device's"])
async def test_a_released_sender_is_let_through_though_the_neighbour_table_has_changed(
    bench: Bench, present: str | None
) -> None:
    await bench.enter()
    bench.links = {} if present is None else {"192.0.2.17": present}
    (entry,) = bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    bench.keeper.release(entry, 2000.0)
    await bench.settled()
    assert bench.kernel.held == set()


async def test_a_sender_at_a_link_local_address_is_remembered(bench: Bench) -> None:
    ip = "fe80::5eff:fe00:5301%iot"
    await bench.enter(Sender(address=f"ip:{ip}", service_type=None, strength=Strength.UNKNOWN, ip=ip))
    assert len(bench.store.all()) == 1
    assert [line[0] for line in bench.log.lines] == ["added"]


async def test_quarantines_outlive_the_gateway(bench: Bench, tmp_path: Path) -> None:
    await bench.enter()
    with ThreadPoolExecutor(max_workers=1) as background:
        after = Bench(tmp_path, background)
        assert after.keeper.restore(2000.0) == (Entry(ip="192.0.2.17", mac=MAC, until=4600.0),)
        assert after.register.holding(identity_of(WASHING_MACHINE), 2000.0) is not None
        assert after.log.lines == [("restored", WASHING_MACHINE.address, "as before")]
        after.close()


async def test_what_ended_while_the_gateway_was_down_is_not_restored_but_forgotten(bench: Bench) -> None:
    bench.store.put(quarantine_entry(), Entry(ip="192.0.2.17"))
    assert bench.keeper.restore(5000.0) == ()
    assert bench.register.entries == ()
    bench.keeper.expire(5000.0)
    await bench.settled()
    assert bench.store.all() == []
    assert bench.keeper.kernel.entries == ()
    assert bench.log.lines == [("expired", WASHING_MACHINE.address, "ended")]


async def test_who_became_protected_while_the_gateway_was_down_is_let_through(bench: Bench) -> None:
    await bench.enter()
    bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    assert bench.keeper.restore(2000.0) == ()
    bench.keeper.expire(2000.0)
    await bench.settled()
    assert bench.store.all() == []
    assert bench.kernel.held == set()
    assert bench.log.lines[-1] == ("removed", WASHING_MACHINE.address, "removed")


async def test_who_gives_way_in_a_full_register_leaves_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=1) as background:
        full = Bench(tmp_path, background, capacity=1)
        await full.enter()
        later = msgspec.structs.replace(WASHING_MACHINE, address="/agent1/tv1", client_id="tv1", ip="192.0.2.18")
        await full.enter(later, until=9000.0)
        full.keeper.expire(2000.0)
        await full.settled()
        assert [each.entry["address"] for each in full.store.all()] == ["/agent1/tv1"]
        assert full.kernel.held == {("192.0.2.18", MAC)}
        assert [entry.ip for entry in full.keeper.kernel.entries] == ["192.0.2.18"]
        assert full.log.lines[-1] == ("removed", WASHING_MACHINE.address, "removed")
        full.close()


async def test_who_is_quarantined_again_at_once_stays_on_disk_and_in_the_kernel(bench: Bench, tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=1) as background:
        full = Bench(tmp_path, background, capacity=1)
        later = msgspec.structs.replace(WASHING_MACHINE, address="/agent1/tv1", client_id="tv1", ip="192.0.2.18")
        await full.enter()
        await full.enter(later, until=5000.0)
        await full.enter(until=6000.0)
        full.keeper.expire(2000.0)
        await full.settled()
        assert [each.entry["address"] for each in full.store.all()] == [WASHING_MACHINE.address]
        assert full.kernel.held == {("192.0.2.17", MAC)}
        full.close()


async def test_a_full_set_is_an_alarm_and_tried_again_until_there_is_room(bench: Bench) -> None:
    later = msgspec.structs.replace(WASHING_MACHINE, address="/agent1/tv1", client_id="tv1", ip="192.0.2.18")
    bench.kernel.size = 1
    await bench.enter()
    await bench.enter(later)
    assert bench.log.lines[-1] == ("added", "/agent1/tv1", "none yet, it waits for room: a quarantine set is full")
    assert bench.alarms == [1]
    assert (bench.keeper.kernel.waiting, bench.keeper.kernel.figures.full) == (1, 1)
    assert {entry.ip for entry in bench.keeper.kernel.entries} == {"192.0.2.17", "192.0.2.18"}
    bench.keeper.expire(2000.0)
    await bench.settled()
    assert bench.keeper.kernel.waiting == 1
    (first,) = bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    bench.keeper.release(first, 2000.0)
    bench.keeper.expire(2000.0)
    await bench.settled()
    assert bench.kernel.held == {("192.0.2.18", MAC)}
    assert bench.keeper.kernel.waiting == 0
    assert bench.alarms == [1]
    assert bench.broken == []


async def test_who_waits_for_room_and_is_let_go_is_not_put_in_later(bench: Bench) -> None:
    bench.kernel.size = 0
    await bench.enter()
    (entry,) = bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    bench.keeper.release(entry, 2000.0)
    await bench.settled()
    bench.kernel.size = 1
    bench.keeper.expire(2000.0)
    await bench.settled()
    assert bench.kernel.held == set()


async def test_whom_an_installation_left_out_waits_for_room(bench: Bench) -> None:
    await bench.enter()
    bench.kernel.held.clear()
    bench.keeper.installed(Applied(0, left_out=(Entry(ip="192.0.2.17", mac=MAC, until=4600.0), Entry(ip="192.0.2.9"))))
    await bench.settled()
    assert bench.alarms == [1]
    bench.keeper.expire(2000.0)
    await bench.settled()
    assert bench.kernel.held == {("192.0.2.17", MAC)}


async def test_what_the_helper_died_over_is_tried_again(bench: Bench) -> None:
    bench.kernel.dies = bench.helpers.die
    await bench.enter()
    assert bench.kernel.held == set()
    assert bench.log.lines[0][2].startswith("none yet, it will be tried again: the firewall helper died")
    bench.keeper.expire(2000.0)
    await bench.settled()
    assert bench.kernel.held == {("192.0.2.17", MAC)}


async def test_who_was_quarantined_is_remembered_over_a_restart_until_the_policy_lets_it_go(bench: Bench) -> None:
    await bench.enter()
    bench.keeper.expire(5000.0)
    await bench.settled()
    (past,) = bench.store.history()
    assert (past.identity, past.times, past.until) == (identity_of(WASHING_MACHINE), 1, 4600.0)
    bench.register.history.forget(past.identity)
    bench.keeper.restore(6000.0)
    assert bench.register.history.all == (past,)
    bench.keeper.release(quarantine_entry(identity=past.identity), 6000.0)
    await bench.settled()
    assert bench.store.history() == []
    assert bench.broken == []
