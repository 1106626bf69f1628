"""Which type a sender is taken for, by what it shows of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import DocumentError, check_document
from policy.verdict import Sender, Strength
from proxy.configuration import InferenceRule, InventoryDocument
from proxy.decoders.base import Request
from proxy.inference import HELD_MS, MOST_REMEMBERED, Hint, Inference, Otherwise

IP = "192.0.2.9"


def stranger(ip: str = IP) -> Sender:
    return Sender(address=f"ip:{ip}", service_type=None, strength=Strength.UNKNOWN, ip=ip)


def request(target: str = "/status", agent: str = "") -> Request:
    return Request("GET", target, (("user-agent", agent),) if agent else (), b"")


def inference(*rules: dict[str, str], **hints: Hint) -> Inference:
    found = Inference([InferenceRule.model_validate(each) for each in rules])
    found.replace_hints(hints)
    return found


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"host_name": "CAM-*"}, "its host name"),
        ({"mac_prefix": "02-00-5E"}, "its link address"),
        ({"user_agent": "Cam/*"}, "its user agent"),
        ({"path": "/rpc/Cam*"}, "what it calls"),
        ({"host_name": "cam-*", "user_agent": "*"}, "its host name and its user agent"),
    ],
)
def test_each_feature_infers_a_type(rule: dict[str, str], why: str) -> None:
    found = inference({"name": "camera", **rule}, **{IP: Hint("cam-7", "02:00:5e:00:53:01")})
    sender = found.of(stranger(), request("/rpc/Camera.Get?x=1", "Cam/1.0"), 0)
    assert (sender.service_type, sender.inferred) == ("/inferred/camera", why)
    assert (sender.address, sender.strength) == (f"ip:{IP}", Strength.UNKNOWN)


@pytest.mark.parametrize(
    "rule", [{"host_name": "tv-*"}, {"mac_prefix": "03"}, {"user_agent": "TV*"}, {"host_name": "cam-*", "path": "/x"}]
)
def test_who_does_not_fit_stays_a_stranger(rule: dict[str, str]) -> None:
    found = inference({"name": "tv", **rule}, **{IP: Hint("cam-7", "02:00:5e:00:53:01")})
    assert found.of(stranger(), request(), 0) == stranger()


def test_nothing_is_inferred_where_the_type_is_known_or_there_are_no_rules() -> None:
    known = Sender(address="/a/b", service_type="/lamp", strength=Strength.IP, ip=IP)
    assert inference({"name": "all", "path": "*"}).of(known, request(), 0) is known
    assert inference().of(stranger(), request(), 0).service_type is None


def typed(found: Inference, sender: Sender, request: Request, now: int = 0) -> str | None:
    return found.of(sender, request, now).service_type


BY_PATH = [{"name": "one", "path": "/one"}, {"name": "any", "user_agent": "*"}]
CAM, PANEL = request(agent="Cam/1"), request(agent="Panel/1")
BY_AGENT = [{"name": "camera", "user_agent": "Cam*"}, {"name": "panel", "user_agent": "Panel*"}]


def told(*rules: dict[str, str]) -> tuple[Inference, list[Otherwise]]:
    found: list[Otherwise] = []
    return Inference(map(InferenceRule.model_validate, rules), lambda _, otherwise: found.append(otherwise)), found


def test_the_first_rule_that_fits_counts() -> None:
    found = inference(*BY_PATH)
    assert typed(found, stranger(), request("/one")) == "/inferred/one"
    assert typed(found, stranger("192.0.2.10"), request("/other")) == "/inferred/any"
    # Its later calls have other paths.
    assert typed(found, stranger(), request("/other")) == "/inferred/one"


def test_a_sender_does_not_choose_another_type_call_by_call() -> None:
    found, changes = told(*BY_AGENT, {"name": "hub", "path": "/hub/*"})
    calls = [CAM, PANEL, request("/hub/1"), PANEL, request(), CAM] * 3
    assert {typed(found, stranger(), call) for call in calls} == {"/inferred/camera"}
    assert changes == [
        Otherwise("/inferred/camera", "/inferred/panel", "its user agent", taken=False),
        Otherwise("/inferred/camera", "/inferred/hub", "what it calls", taken=False),
    ]


def test_who_is_known_by_a_path_is_not_told_of_for_its_other_calls() -> None:
    found, changes = told(*BY_PATH)
    assert [typed(found, stranger(), request(each)) for each in ("/one", "/x")] == ["/inferred/one"] * 2
    assert changes == []


def test_a_sender_that_was_not_heard_of_for_hours_may_be_another_one_and_that_is_told() -> None:
    found, changes = told(*BY_AGENT)
    assert typed(found, stranger(), CAM, 0) == "/inferred/camera"
    assert typed(found, stranger(), PANEL, HELD_MS) == "/inferred/camera"
    assert typed(found, stranger(), request(agent="x"), 2 * HELD_MS + 1) is None
    assert typed(found, stranger(), PANEL, 2 * HELD_MS + 2) == "/inferred/panel"
    assert [(each.fits, each.taken) for each in changes] == [("/inferred/panel", False), ("/inferred/panel", True)]


def test_another_host_name_makes_no_other_device_and_another_link_address_does() -> None:
    found, changes = told({"name": "camera", "host_name": "cam*"}, {"name": "panel", "host_name": "panel*"})
    for hint, service_type in (
        (Hint("cam", "02:00:5e:00:53:01"), "/inferred/camera"),
        (Hint("panel", "02:00:5e:00:53:01"), "/inferred/camera"),
        (Hint("panel", ""), "/inferred/camera"),
        (Hint("panel", "02:00:5e:00:53:02"), "/inferred/panel"),
    ):
        found.replace_hints({IP: hint})
        assert typed(found, stranger(), request()) == service_type
    assert [each.taken for each in changes] == [False, True]


def test_a_lease_that_is_read_later_than_the_first_call_counts_once() -> None:
    found, changes = told({"name": "camera", "host_name": "cam*"}, {"name": "tv", "host_name": "tv*"}, *BY_PATH)
    assert typed(found, stranger(), request()) == "/inferred/any"
    found.replace_hints({IP: Hint("tv-1")})
    assert typed(found, stranger(), request()) == "/inferred/tv"
    found.replace_hints({IP: Hint("cam-1")})
    assert typed(found, stranger(), request()) == "/inferred/tv"
    assert [(each.fits, each.taken) for each in changes] == [("/inferred/tv", True), ("/inferred/camera", False)]


@pytest.mark.parametrize("strength", [Strength.CERTIFICATE, Strength.VOUCHED, Strength.API_TOKEN, Strength.IP])
def test_nobody_who_is_known_gets_a_type_by_what_somebody_at_its_address_calls(strength: Strength) -> None:
    found = inference({"name": "hub", "path": "/hub/*"}, *BY_AGENT)
    assert typed(found, stranger(), request("/hub/1")) == "/inferred/hub"
    known = Sender(address="/agent9/svc", service_type=None, strength=strength, ip=IP)
    assert typed(found, known, request("/hub/1")) is None
    assert typed(found, known, CAM) == "/inferred/camera"
    # Neither does who is at its address get what it has.
    assert typed(found, stranger(), request()) == "/inferred/hub"


def test_the_lease_of_a_peer_says_nothing_of_whom_it_vouches_for() -> None:
    found = inference({"name": "server", "host_name": "srv*"}, **{IP: Hint("srv-1")})
    for strength, service_type in ((Strength.VOUCHED, None), (Strength.CERTIFICATE, "/inferred/server")):
        sender = Sender(address=f"/agent9/{strength}", service_type=None, strength=strength, ip=IP)
        assert typed(found, sender, request()) == service_type


def test_what_is_remembered_is_bounded() -> None:
    found = inference({"name": "one", "path": "/one"})
    for number in range(MOST_REMEMBERED + 1):
        typed(found, stranger(f"ip{number}"), request("/one"))
    assert typed(found, stranger("ip0"), request("/two")) is None
    assert typed(found, stranger(f"ip{MOST_REMEMBERED}"), request("/two")) == "/inferred/one"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("inference: [{name: x}]", "x fits everybody"),
        ("inference: [{name: a/b, path: /x}]", "inference[0].name"),
        ("services: [{address: /a/b, service_type: /inferred/x}]", "is the name of a type that was inferred"),
    ],
)
def test_rules_that_make_no_sense_are_refused(text: str, told: str) -> None:
    with pytest.raises(DocumentError, match=r"inventory\.yaml:1") as raised:
        check_document(text, Path("inventory.yaml"), InventoryDocument)
    assert told in str(raised.value)
