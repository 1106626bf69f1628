from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.protection import Protection
from policy.quarantine import ProtectedError, QuarantineEntry, QuarantineRegister, identity_of
from policy.verdict import Sender, Strength

NOW = 1000.0


def entry(name: str = "/agent1/a", *, until: float = NOW + 60, since: float = NOW) -> QuarantineEntry:
    return QuarantineEntry(
        identity=name,
        address=name,
        ip="192.0.2.1",
        strength=Strength.CERTIFICATE,
        reason="rate: AV 40.0, quarantine from 30",
        verdict="v1",
        since=since,
        until=until,
    )


def test_a_quarantine_holds_until_it_expires() -> None:
    register = QuarantineRegister()
    register.add(entry(until=NOW + 60), now=NOW)

    assert register.holding("/agent1/a", NOW + 59.9) == entry()
    assert register.holding("/agent1/a", NOW + 60) is None
    assert register.expire(NOW + 60) == (entry(),)
    assert register.entries == ()
    assert register.expire(NOW + 60) == ()


def test_a_quarantine_that_is_ended_by_hand_leaves_no_history_even_where_it_has_just_ended_by_itself() -> None:
    for end in (NOW, NOW + 60):
        register = QuarantineRegister()
        register.add(entry(until=NOW + 60), now=NOW)
        assert register.history.times("/agent1/a", NOW, 3600) == 2
        register.expire(end)

        register.release("/agent1/a")

        assert register.holding("/agent1/a", NOW) is None
        assert register.history.times("/agent1/a", NOW, 3600) == 1


def test_a_quarantine_is_of_one_identity() -> None:
    register = QuarantineRegister()
    register.add(entry("/agent1/a"), now=NOW)

    assert register.holding("/agent1/b", NOW) is None


def test_of_two_quarantines_of_one_sender_the_longer_stays() -> None:
    register = QuarantineRegister()
    register.add(entry(until=NOW + 60), now=NOW)
    register.add(entry(until=NOW + 30), now=NOW)
    assert register.entries == (entry(until=NOW + 60),)

    register.add(entry(until=NOW + 90), now=NOW)
    assert register.entries == (entry(until=NOW + 90),)


def test_a_claimed_address_without_proof_is_not_what_is_shut_out() -> None:
    claimed = Sender(address="/agent1/doorlock1", service_type=None, strength=Strength.UNKNOWN, ip="192.0.2.66")

    assert identity_of(claimed) == "ip:192.0.2.66"


@pytest.mark.parametrize("strength", [Strength.CERTIFICATE, Strength.MAC_AND_IP, Strength.IP])
def test_an_established_address_is_what_is_shut_out(strength: Strength) -> None:
    assert identity_of(Sender(address="/agent1/a", service_type="/t", strength=strength, ip="::1")) == "/agent1/a"


def test_the_full_register_lets_go_who_would_be_free_first_and_counts_it() -> None:
    register = QuarantineRegister(capacity=2)
    register.add(entry("/agent1/a", until=NOW + 20), now=NOW)
    register.add(entry("/agent1/b", until=NOW + 10), now=NOW)

    register.add(entry("/agent1/c", until=NOW + 30), now=NOW)

    assert register.take_evicted() == (entry("/agent1/b", until=NOW + 10),)
    assert register.take_evicted() == ()
    assert [each.identity for each in register.entries] == ["/agent1/a", "/agent1/c"]
    assert register.evictions == 1


def test_the_full_register_forgets_the_expired_before_it_lets_anyone_go() -> None:
    register = QuarantineRegister(capacity=1)
    register.add(entry("/agent1/a", until=NOW + 10), now=NOW)

    register.add(entry("/agent1/b"), now=NOW + 10)

    assert register.entries == (entry("/agent1/b"),)
    assert register.take_evicted() == (entry("/agent1/a", until=NOW + 10),)
    assert register.evictions == 0


def test_who_is_quarantined_again_is_not_among_the_evicted() -> None:
    register = QuarantineRegister(capacity=1)
    for name, until in (("/agent1/a", NOW + 10), ("/agent1/b", NOW + 20), ("/agent1/a", NOW + 30)):
        register.add(entry(name, until=until), now=NOW)

    assert register.take_evicted() == (entry("/agent1/b", until=NOW + 20),)


def test_evicted_entries_that_nobody_takes_do_not_pile_up() -> None:
    register = QuarantineRegister(capacity=2)
    for index in range(20):
        register.add(entry(f"/agent1/{index}", until=NOW + index + 1), now=NOW)

    assert [each.identity for each in register.take_evicted()] == ["/agent1/16", "/agent1/17"]
    assert register.evictions == 18


def test_a_register_without_room_for_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        QuarantineRegister(capacity=0)


def test_the_protected_are_never_quarantined() -> None:
    register = QuarantineRegister(fixed=Protection.of(["192.0.2.0/28"]))

    with pytest.raises(ProtectedError, match="/agent1/a"):
        register.add(entry(), now=NOW)
    assert register.entries == ()


def test_who_becomes_protected_is_released_and_what_the_installation_protects_stays_protected() -> None:
    register = QuarantineRegister(fixed=Protection.of(["203.0.113.1"]))
    register.add(entry("/agent1/a"), now=NOW)
    register.add(entry("/agent1/b"), now=NOW)

    assert register.protect(Protection.of(["/agent1/a"])) == (entry("/agent1/a"),)
    assert [each.identity for each in register.entries] == ["/agent1/b"]

    register.protect(Protection())
    assert not register.protects("/agent1/a", "192.0.2.1")
    assert register.protects("/agent1/a", "203.0.113.1")


def test_every_change_raises_the_revision_and_nothing_else_does() -> None:
    register = QuarantineRegister()
    register.add(entry(), now=NOW)
    added = register.revision
    register.holding("/agent1/a", NOW)
    register.expire(NOW)
    register.take_evicted()
    assert register.revision == added > 0

    register.expire(NOW + 60)
    assert register.revision > added


def test_after_a_restart_those_who_are_due_and_those_protected_by_now_are_free() -> None:
    ended, due, protected = entry("/agent1/a", until=NOW + 10), entry("/agent1/b"), entry("/agent1/c")
    after = QuarantineRegister(fixed=Protection.of(["/agent1/c"]))

    restored = after.restore([msgspec.to_builtins(each) for each in (ended, due, protected)], now=NOW + 10)

    assert restored == (due,) == after.entries
    assert after.take_evicted() == (ended, protected)


@pytest.mark.parametrize(
    "stored",
    [
        [{"identity": "/agent1/a"}],
        [{**msgspec.to_builtins(entry()), "until": "soon"}],
        [{**msgspec.to_builtins(entry()), "until": float("inf")}],
        [{"identity": 1}],
    ],
)
def test_damaged_storage_is_refused_as_a_whole(stored: list[dict[str, object]]) -> None:
    register = QuarantineRegister()

    with pytest.raises(ValueError, match="damaged"):
        register.restore([msgspec.to_builtins(entry()), *stored], now=NOW)
    assert register.entries == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 50), st.integers(0, 30)), max_size=40), st.integers(1, 5))
def test_the_register_never_grows_beyond_its_capacity_and_survives_storage(
    steps: list[tuple[int, int, int]], capacity: int
) -> None:
    register = QuarantineRegister(capacity=capacity)
    now = 0.0
    for name, length, pause in steps:
        now += pause
        register.add(entry(f"/agent1/{name}", since=now, until=now + length), now=now)
        assert len(register) <= capacity

    restored = QuarantineRegister(capacity=capacity)
    restored.restore([msgspec.to_builtins(each) for each in register.entries], now=now)
    register.expire(now)
    assert restored.entries == register.entries


def test_quarantines_by_verdicts_are_counted_and_those_by_hand_are_not() -> None:
    register = QuarantineRegister()
    register.add(msgspec.structs.replace(entry("/agent1/a"), times=3), now=NOW)
    register.add(msgspec.structs.replace(entry("/agent1/b"), verdict=""), now=NOW)
    assert [(past.identity, past.times) for past in register.history.all] == [("/agent1/a", 3)]


def test_who_is_protected_from_now_on_begins_anew() -> None:
    register = QuarantineRegister()
    register.add(entry("/agent1/a"), now=NOW)
    register.protect(Protection.of(["/agent1/a"]))
    assert list(register.history.all) == []


def vouched(client_id: str | None = "a") -> Sender:
    return Sender(
        address="/agent3/a", service_type="/a", strength=Strength.VOUCHED, ip="192.0.2.31", client_id=client_id
    )


def test_who_is_vouched_for_is_not_protected_by_the_address_of_whoever_vouches() -> None:
    register = QuarantineRegister(fixed=Protection.of(["192.0.2.31", "/agent3"]))
    assert register.protects("/agent3/a", "192.0.2.31")
    assert not register.protects("/agent3/a", "192.0.2.31", Strength.VOUCHED)
    assert register.protects("/agent3", "192.0.2.31", Strength.VOUCHED)
    held = msgspec.structs.replace(entry("/agent3/a"), ip="192.0.2.31", strength=Strength.VOUCHED)
    register.add(held, now=NOW)
    assert register.holding("/agent3/a", NOW) == held


def test_who_showed_a_certificate_and_is_shut_out_is_so_where_others_vouch_for_it() -> None:
    register = QuarantineRegister()
    register.add(entry("certificate:a"), now=NOW)
    for sender, out in ((vouched(), True), (vouched("b"), False), (vouched(None), True)):
        assert register.shuts_out(sender, identity_of(sender), NOW) == out
    assert not register.shuts_out(vouched(), identity_of(vouched()), NOW + 60)


def test_who_is_vouched_for_and_is_shut_out_is_free_to_show_a_certificate() -> None:
    register = QuarantineRegister()
    register.add(entry("/agent3/a"), now=NOW)
    assert register.shuts_out(vouched(), identity_of(vouched()), NOW)
    shown = msgspec.structs.replace(vouched(), strength=Strength.CERTIFICATE)
    assert not register.shuts_out(shown, identity_of(shown), NOW)
