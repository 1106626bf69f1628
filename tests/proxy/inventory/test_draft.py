"""A draft is a valid inventory that says why, and in which nothing that a stranger says has become a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import check_document
from proxy.configuration import InventoryDocument
from proxy.inventory.draft import draft
from tests.proxy.inventory.site import DOCUMENT, evidence, inventory

SERVICES_END = "\n# Nobody knows"


def read(text: str) -> InventoryDocument:
    return check_document(text, Path("inventory.yaml"), InventoryDocument)


def uncommented(text: str) -> str:
    """The draft as it is after an operator has agreed with all guesses."""
    services, strangers = text.split(SERVICES_END)
    agreed = [line.removeprefix("#") for line in strangers.splitlines() if line.startswith("#  ")]
    return services + "\n".join(agreed).replace("\n    # or", "\n    #or") + "\n"


def test_what_is_certain_is_set() -> None:
    drafted = read(draft(evidence(), DOCUMENT))
    assert [service.address for service in drafted.services] == [
        "/agent1/light1", "/agent1/lock1", "/agent1/tv1", "/agent1/tv2", "/agent3/pump",
    ]  # fmt: skip
    light, lock, tv, _, pump = drafted.services
    assert [str(place.ip) for place in light.places] == ["192.0.2.10", "2001:db8::10"]
    assert [str(place.ip) for place in tv.places] == ["192.0.2.11"]
    assert (lock.places, pump.places) == ((), ())


def test_no_link_address_is_bound_before_a_human_said_so() -> None:
    text = draft(evidence(), DOCUMENT)
    assert all(place.mac is None for service in read(text).services for place in service.places)
    assert "    # mac: 02:00:5e:00:53:01 # neighbour table and lease\n" in text


def test_each_line_has_its_evidence() -> None:
    text = draft(evidence(), DOCUMENT)
    assert "  - address: /agent1/light1 # in traffic; agent1 knows it as /lightControler\n" in text
    assert "    ip: 192.0.2.10 # traffic; leased to 'light-kitchen'\n" in text
    assert '      - ip: "2001:db8::10" # traffic\n' in text
    assert "  - address: /agent1/lock1 # agent1 knows it as /doorLock\n" in text
    assert "    ip: 192.0.2.11 # traffic; 1 other senders share it\n" in text
    assert (
        "# Evidence: 4 network addresses in traffic, 2 leases, 2 neighbours, the services of agent1, agent3.\n" in text
    )


def test_a_stranger_is_a_comment_with_guesses() -> None:
    text = draft(evidence(), DOCUMENT)
    assert "#  - address: /agent3/pump # a guess: its lease has that name\n" in text
    assert "#    # or /agent3/boiler: a guess: it wrote there 42 times\n" in text
    assert "/agent1/light1: a guess" not in text, "agent1 identifies by certificates"
    assert "the lease says 02:00:5e:00:53:40: behind a router, or changed" in text
    assert all(str(place.ip) != "192.0.2.40" for service in read(text).services for place in service.places)


def test_an_agreed_guess_is_a_setting() -> None:
    agreed = read(uncommented(draft(evidence(types={}, leases=[]), DOCUMENT)))
    (boiler,) = [service for service in agreed.services if service.address == "/agent3/boiler"]
    assert boiler.service_type == "/boilerControl"
    assert [(str(place.ip), place.mac) for place in boiler.places] == [("192.0.2.40", "02:00:5e:00:53:99")]


def test_what_a_stranger_says_stays_in_its_comment() -> None:
    hostile = "/x\nservices: []\n- address: /agent1/light1\n  ip: 192.0.2.40"
    text = draft(
        evidence(registered={"192.0.2.40": hostile}, writes={"192.0.2.40": {f"/agent3/{hostile}": 9}}), DOCUMENT
    )
    assert len(read(text).services) == 5
    assert all(str(place.ip) != "192.0.2.40" for service in read(text).services for place in service.places)


def test_a_stranger_of_whom_nothing_is_known() -> None:
    text = draft(evidence(writes={}, leases=[], registered={}), DOCUMENT)
    assert "#  - address: /AGENT/SERVICE # nothing tells which service it is\n" in text


def test_merging_shows_only_what_is_new() -> None:
    present = inventory(
        {"address": "/agent1/light1", "ip": "192.0.2.10"},
        {"address": "/agent1/tv1"},
        {"address": "/agent3/pump", "ip": "192.0.2.40"},
    )
    text = draft(evidence(), DOCUMENT, present)
    assert [service.address for service in read(text).services] == ["/agent1/lock1", "/agent1/tv2", "/agent1/light1"]
    assert "  - address: /agent1/light1 # inventoried at 192.0.2.10; add this to it\n" in text
    assert "192.0.2.40" not in text
    assert "protected" not in text


@pytest.mark.parametrize("merge", [False, True])
def test_where_a_pinned_key_was_shown_from_elsewhere_is_a_comment(merge: bool) -> None:
    present = inventory(
        {"address": "/agent1/light1", "ip": "192.0.2.10", "only_here": True},
        {"address": "/agent3/tv1", "ip": "192.0.2.13", "only_here": True},
        {"address": "/agent1/lock1"},
        {"address": "/agent3/pump"},
    )
    text = draft(evidence(), DOCUMENT, present if merge else None, pinning=present)
    settled = [str(place.ip) for service in read(text).services for place in service.places]
    assert settled == (["192.0.2.11"] if merge else ["192.0.2.10", "192.0.2.11"]), "one of them is /agent1/tv2's"
    before, strangers = text.split(SERVICES_END)
    agreed = read(
        "services:\n" + "\n".join(line.removeprefix("#") for line in before.splitlines() if line.startswith("#  "))
    )
    assert [(each.address, [str(place.ip) for place in each.places]) for each in agreed.services] == [
        ("/agent1/light1", ["2001:db8::10"]),
        ("/agent1/tv1", ["192.0.2.11"]),
    ]
    assert "revoke the certificate" in before
    assert "light1" not in strangers.partition("/agent3/pump")[0]


def test_nothing_new() -> None:
    text = draft(evidence(traffic={}, types={}, writes={}, registered={}), DOCUMENT, inventory())
    assert read(text).services == []


def test_missing_evidence_is_told() -> None:
    assert "# Missing evidence: agent1 answers 403\n" in draft(evidence(problems=["agent1 answers\n403"]), DOCUMENT)


def test_addresses_of_one_link_alone_are_left_out() -> None:
    text = draft(evidence(traffic={"fe80::1%eth0": ["/agent1/light1", "ip:fe80::1%eth0"]}), DOCUMENT)
    assert "fe80" not in text
