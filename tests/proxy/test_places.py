"""What the kernel would drop of whom, and that it never is what others on the link have as well."""

from __future__ import annotations

import pytest

from proxy.places import Place, Places, place_of

MAC = "02:00:5e:00:53:01"
OWN = ("192.0.2.1", "2001:db8:1::1", "fe80::1")


@pytest.mark.parametrize(
    ("ip", "link", "place"),
    [
        ("192.0.2.17", MAC, Place("192.0.2.17", MAC)),
        ("192.0.2.17", None, Place("192.0.2.17", None)),
        ("2001:db8:1::17", MAC, Place("2001:db8:1::17", MAC)),
        ("2001:db8:1::17", None, Place("2001:db8:1::17", None)),
        ("2001:db8:2::17", None, Place("2001:db8:2::/64", None)),
        ("fe80::17%iot", MAC, Place("fe80::17", MAC)),
        ("fe80::17%iot", None, Place("fe80::17", None)),
    ],
    ids=["on the link", "IPv4", "IPv6 on the link", "its link not known", "behind a router", "link-local", "no link"],
)
def test_where_a_sender_is(ip: str, link: str | None, place: Place) -> None:
    assert place_of(ip, link, OWN) == place


def test_the_kernel_is_asked_again_for_who_is_not_known_and_after_a_second() -> None:
    asked: list[float] = []
    now = [100.0]

    def neighbours() -> dict[str, str]:
        asked.append(now[0])
        return {"192.0.2.17": MAC}

    places = Places(neighbours=neighbours, own=lambda: OWN, monotonic=lambda: now[0])
    assert [places.link("192.0.2.17") for _ in range(3)] == [MAC] * 3
    assert len(asked) == 1
    assert places.of("192.0.2.99") == Place("192.0.2.99", None)
    now[0] += 1.1
    assert places.of("192.0.2.17") == Place("192.0.2.17", MAC)
    assert len(asked) == 3


def test_a_kernel_that_does_not_answer_leaves_the_address_alone() -> None:
    def silent() -> dict[str, str]:
        raise OSError("no answer")

    places = Places(neighbours=silent, own=silent)
    assert places.of("2001:db8:2::17") == Place("2001:db8:2::17", None)
