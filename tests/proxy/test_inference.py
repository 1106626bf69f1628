"""Which type a sender is taken for, by what it shows of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import DocumentError, check_document
from policy.verdict import Sender, Strength
from proxy.configuration import InferenceRule, InventoryDocument
from proxy.decoders.base import Request
from proxy.inference import MOST_REMEMBERED, Hint, Inference

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
    sender = found.of(stranger(), request("/rpc/Camera.Get?x=1", "Cam/1.0"))
    assert (sender.service_type, sender.inferred) == ("/inferred/camera", why)
    assert (sender.address, sender.strength) == (f"ip:{IP}", Strength.UNKNOWN)


@pytest.mark.parametrize(
    "rule", [{"host_name": "tv-*"}, {"mac_prefix": "03"}, {"user_agent": "TV*"}, {"host_name": "cam-*", "path": "/x"}]
)
def test_who_does_not_fit_stays_a_stranger(rule: dict[str, str]) -> None:
    found = inference({"name": "tv", **rule}, **{IP: Hint("cam-7", "02:00:5e:00:53:01")})
    assert found.of(stranger(), request()) == stranger()


def test_nothing_is_inferred_where_the_type_is_known_or_there_are_no_rules() -> None:
    known = Sender(address="/a/b", service_type="/lamp", strength=Strength.IP, ip=IP)
    assert inference({"name": "all", "path": "*"}).of(known, request()) is known
    assert inference().of(stranger(), request()).service_type is None


def test_the_first_rule_counts_and_a_path_is_remembered_until_the_address_is_anothers() -> None:
    found = inference({"name": "one", "path": "/one"}, {"name": "any", "user_agent": "*"}, **{IP: Hint("a")})
    assert found.of(stranger(), request("/other")).service_type == "/inferred/any"
    assert found.of(stranger(), request("/one")).service_type == "/inferred/one"
    assert found.of(stranger(), request("/other")).service_type == "/inferred/one"
    found.replace_hints({IP: Hint("b")})
    assert found.of(stranger(), request("/other")).service_type == "/inferred/any"


def test_what_is_remembered_is_bounded() -> None:
    found = inference({"name": "one", "path": "/one"})
    for number in range(MOST_REMEMBERED + 1):
        found.of(stranger(f"ip{number}"), request("/one"))
    assert found.of(stranger("ip0"), request("/two")).service_type is None
    assert found.of(stranger(f"ip{MOST_REMEMBERED}"), request("/two")).service_type == "/inferred/one"


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
