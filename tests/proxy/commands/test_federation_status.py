"""What is said of a federation fits on a screen, and names what is wrong and since when."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.commands.federation_status import age, full, summary
from proxy.federation.client.state import AdoptedModel, FederationStatus, Trouble

NOW = 1_760_000_000.0
LAMP = AdoptedModel(
    version="elsewhere:0123456789ab",
    received=NOW - 7200,
    sites=3,
    nodes=1,
    weight=412,
    pinned=False,
    newest="elsewhere:0123456789ab",
)


def state(**changes: Any) -> FederationStatus:
    calm = FederationStatus(
        service="https://x:1", origin="gateway-a", heard=NOW - 12, published=NOW - 40, models={"/lamp": LAMP}
    )
    return msgspec.structs.replace(calm, **changes)


def test_how_old_the_models_are_is_said_in_two_lines() -> None:
    told = "what others know was confirmed 12s ago; 0 of the own models and candidates wait"
    assert list(summary(state(), NOW)) == [
        f"federation: gateway-a at https://x:1; {told}",
        "federation: service types that others know: 1; the oldest came 2h ago",
    ]


def test_who_was_never_heard_and_what_fails_is_said() -> None:
    trouble = Trouble(activity="models", text="away\x1b[31m", since=NOW - 86_400 * 3, attempts=900)
    lines = list(summary(state(heard=0.0, origin="", models={}, troubles=[trouble], refused={"/x": "bad"}), NOW))
    assert lines[0].startswith("federation: nobody yet at https://x:1; the service was not heard since the start")
    assert lines[1] == "federation, models: away\\x1b[31m (for 3d, 900 attempts)"
    assert lines[2] == "federation: /x: bad"


def test_all_that_is_known_is_said_on_request() -> None:
    text = "\n".join(full(state(certificate_ends=NOW + 86_400, epoch=7, sequence=9), NOW))
    assert "certificate: until 2025-10-10" in text
    assert "published: 40s ago; epoch 7, sequence 9" in text
    assert "  /lamp                    elsewhere:0123456789ab, came 2h ago, 3 other sites, 1 other nodes here" in text
    assert "does another" not in text


def test_a_pinned_version_and_what_is_newer_is_said() -> None:
    pinned = msgspec.structs.replace(LAMP, pinned=True, newest="elsewhere:ffff")
    text = "\n".join(full(state(models={"/lamp": pinned}), NOW))
    assert "1 pinned" in text
    assert "pinned, newer: elsewhere:ffff" in text
    gone = msgspec.structs.replace(LAMP, pinned=True, newest="")
    assert "others have nothing any more" in "\n".join(full(state(models={"/lamp": gone}), NOW))


def test_a_certificate_that_two_machines_use_is_suspected() -> None:
    assert "does another machine use the same certificate?" in "\n".join(full(state(epochs=5), NOW))


def test_ages_are_in_the_unit_of_which_there_are_two() -> None:
    assert [age(each) for each in (-5, 0, 119, 120, 7199, 7200, 172_800)] == [
        "0s",
        "0s",
        "119s",
        "2m",
        "119m",
        "2h",
        "2d",
    ]
