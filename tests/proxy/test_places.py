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


class Kernel:
    """Knows one neighbour, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.known = {"2001:db8:1::17": MAC}
        self.silent = False
        self.now = 100.0
        self.places = Places(neighbours=self.neighbours, own=lambda: OWN, monotonic=lambda: self.now)

    def neighbours(self) -> dict[str, str]:
        self.asked += 1
        if self.silent:
            raise OSError("no answer")
        return dict(self.known)


@pytest.mark.parametrize("silent", [False, True])
def test_whoever_turns_up_the_kernel_is_asked_once_a_second(silent: bool) -> None:
    kernel = Kernel()
    kernel.silent = silent
    found = [kernel.places.link(f"2001:db8:1::{number:x}") for number in range(0x17, 1000)]
    assert (found[0], set(found[1:])) == (None if silent else MAC, {None})
    assert kernel.asked == 1
    kernel.now += 1.1
    kernel.known["2001:db8:1::18"] = MAC
    assert kernel.places.link("2001:db8:1::18") == (None if silent else MAC)
    assert kernel.asked == 2


def test_where_it_matters_the_kernel_is_asked_at_once() -> None:
    kernel = Kernel()
    assert kernel.places.of("2001:db8:1::18") == Place("2001:db8:1::18", None)
    kernel.known["2001:db8:1::18"] = MAC
    assert kernel.places.of("2001:db8:1::18") == Place("2001:db8:1::18", None)
    assert not kernel.places.due
    kernel.places.renew()
    assert kernel.places.of("2001:db8:1::18") == Place("2001:db8:1::18", MAC)
    assert kernel.asked == 2


def test_a_kernel_that_does_not_answer_leaves_the_address_alone() -> None:
    def silent() -> dict[str, str]:
        raise OSError("no answer")

    places = Places(neighbours=silent, own=silent)
    assert places.of("2001:db8:2::17") == Place("2001:db8:2::17", None)
