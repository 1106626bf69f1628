from __future__ import annotations

import pytest

from proxy.audit.ocsf import ocsf
from tests.proxy.audit.forms import of_notice, of_verdict

REQUIRED = {"class_uid", "category_uid", "activity_id", "type_uid", "time", "severity_id", "metadata"}


def test_a_verdict_is_an_api_activity_under_security_control() -> None:
    found = ocsf(of_verdict())
    assert found.keys() >= REQUIRED | {"actor", "api", "src_endpoint"}
    assert (found["class_uid"], found["category_uid"], found["activity_id"], found["type_uid"]) == (6003, 6, 2, 600302)
    assert found["time"] == 1_763_000_000_000
    assert found["metadata"]["version"] == "1.5.0"
    assert found["metadata"]["uid"] == "19a7c0-0003-abcdef"
    assert found["metadata"]["profiles"] == ["security_control"]
    assert (found["action_id"], found["disposition_id"], found["is_alert"], found["severity_id"]) == (2, 2, True, 4)
    assert found["api"]["operation"] == "get"
    assert found["src_endpoint"] == {"ip": "192.0.2.17", "name": "/agent1/washingmachine1"}
    assert found["resources"] == [{"name": "/agent1/tempin1/temperature", "type": "/derived/temperature"}]
    assert found["unmapped"]["av"] == 38.2


@pytest.mark.parametrize(
    ("action", "alert", "expected"),
    [
        ("forward", False, (1, 1, 1, 1)),
        ("forward", True, (1, 19, 3, 1)),
        ("block", True, (2, 2, 4, 2)),
        ("quarantine", True, (2, 3, 5, 2)),
    ],
)
def test_actions_and_severities(action: str, alert: bool, expected: tuple[int, ...]) -> None:
    found = ocsf(of_verdict() | {"action": action, "alert": alert})
    assert (found["action_id"], found["disposition_id"], found["severity_id"], found["status_id"]) == expected


def test_start_is_application_lifecycle_and_others_are_base_events() -> None:
    start = ocsf(of_notice())
    assert (start["class_uid"], start["type_uid"], start["app"]["name"]) == (6002, 600203, "alleyes")
    loss = ocsf(of_notice() | {"kind": "loss"})
    assert (loss["class_uid"], loss["type_uid"], loss["activity_name"], loss["severity_id"]) == (0, 99, "loss", 4)
    assert loss.keys() >= REQUIRED


def test_what_somebody_mangled_still_has_the_form() -> None:
    assert ocsf({"kind": "verdict"}).keys() >= REQUIRED
    assert ocsf({}).keys() >= REQUIRED
