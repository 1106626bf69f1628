from __future__ import annotations

from pathlib import Path

import pytest

from policy.document import Handling, ModeSetting, PolicyDocument, Scoring, Thresholds
from policy.loading import DocumentError, load_document

SHIPPED = Path(__file__).parents[2] / "config" / "policy.yaml"


def load(tmp_path: Path, text: str) -> PolicyDocument:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_document(path, PolicyDocument)


def refused(tmp_path: Path, text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, text)
    return [(problem.line, problem.location) for problem in caught.value.problems]


def test_the_shipped_policy_is_the_default_and_blocks_nothing_before_it_is_told_to() -> None:
    shipped = load_document(SHIPPED, PolicyDocument)

    assert shipped == PolicyDocument()
    assert shipped.mode is ModeSetting.LEARN
    assert shipped.scoring is Scoring.ALLEYES
    assert (shipped.thresholds.alert, shipped.thresholds.block, shipped.thresholds.quarantine) == (4, 7, 30)
    assert shipped.unknown_sender is shipped.unknown_type is shipped.unknown_node is Handling.BLOCK
    assert shipped.quarantine.expiry == 3600


def test_the_scoring_of_the_paper_leaves_no_mode_to_readiness(tmp_path: Path) -> None:
    assert refused(tmp_path, "mode: auto\nscoring: paper\n") == [(2, "scoring")]


def test_partners_have_thresholds_in_order_of_their_own(tmp_path: Path) -> None:
    text = "service_types:\n  /phone:\n    partners:\n      /lock:\n        thresholds: {{block: {}}}\n"
    place = "service_types./phone.partners./lock.thresholds.quarantine"
    assert refused(tmp_path, text.format(40)) == [(5, place)]
    loaded = load(tmp_path, text.format(20)).service_types["/phone"]
    assert loaded.partners["/lock"].thresholds.block == 20


def test_a_time_zone_is_one_that_is_known(tmp_path: Path) -> None:
    assert refused(tmp_path, "time_zone: Berlin\n") == [(1, "time_zone")]
    assert load(tmp_path, "time_zone: Europe/Berlin\n").time_zone == "Europe/Berlin"


def test_more_different_calls_than_calls_are_not_asked_for(tmp_path: Path) -> None:
    text = "quarantine:\n  escalation:\n    refusals: 3\n    different: 4\n"
    assert refused(tmp_path, text) == [(4, "quarantine.escalation.different")]


def test_whether_a_mode_is_left_to_readiness() -> None:
    assert not PolicyDocument().automatic
    assert PolicyDocument.model_validate({"mode": "auto"}).automatic
    assert PolicyDocument.model_validate({"service_types": {"/phone": {"mode": "auto"}}}).automatic


def test_every_setting_of_the_policy_is_in_the_shipped_file() -> None:
    text = SHIPPED.read_text(encoding="utf-8")

    assert all(f"{name}:" in text for name in (*PolicyDocument.model_fields, *Thresholds.model_fields))


def test_thresholds_out_of_order_are_named_one_by_one(tmp_path: Path) -> None:
    text = "thresholds:\n  alert: 9\n  block: 7\n  quarantine: 5\n"

    assert refused(tmp_path, text) == [(2, "thresholds.alert"), (4, "thresholds.quarantine")]


def test_overrides_are_checked_against_what_they_are_merged_over(tmp_path: Path) -> None:
    text = (
        "thresholds: {alert: 4, block: 7, quarantine: 30}\n"
        "service_types:\n"
        "  /doorLock:\n"
        "    thresholds:\n"
        "      block: 3\n"
        "  /phone:\n"
        "    thresholds: {quarantine: 6}\n"
        "  /fine:\n"
        "    thresholds: {alert: 2, block: 3, quarantine: null}\n"
        "quarantine: {expiry: never}\n"
    )

    assert refused(tmp_path, text) == [
        (4, "service_types./doorLock.thresholds.alert"),
        (7, "service_types./phone.thresholds.quarantine"),
        (10, "quarantine.expiry"),
    ]


def test_an_override_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    document = load(
        tmp_path,
        "service_types:\n"
        "  /doorLock: {mode: enforce, thresholds: {block: 5}}\n"
        "  /phone: {thresholds: {quarantine: null}}\n",
    )
    base = document.thresholds

    assert document.service_types["/doorLock"].thresholds.over(base) == (4, 5, 30)
    assert document.service_types["/phone"].thresholds.over(base) == (4, 7, None)
    assert document.service_types["/phone"].mode is None


@pytest.mark.parametrize("value", ["-1", "100.5"])
@pytest.mark.parametrize("name", ["alert", "block", "quarantine"])
def test_a_threshold_outside_the_range_of_the_av_is_refused(tmp_path: Path, name: str, value: str) -> None:
    assert refused(tmp_path, f"thresholds:\n  {name}: {value}\n") == [(2, f"thresholds.{name}")]


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "router", "2001:db8::/129", "''"])
def test_what_is_protected_must_be_a_service_or_a_network(tmp_path: Path, entry: str) -> None:
    assert refused(tmp_path, f"quarantine:\n  protected:\n  - /agent1/x\n  - {entry}\n") == [
        (4, "quarantine.protected[1]")
    ]
