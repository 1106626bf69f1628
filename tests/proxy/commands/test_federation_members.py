"""`alleyes federation invite|origins|revoke`, beside a service that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from proxy.federation.messages import Enrolment
from proxy.main import main
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Place, signing_request
from tests.waiting import eventually


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path).serving() as place:
        yield place


def alleyes(place: Place, *arguments: str) -> Result:
    # The service is in this process, and what it logs meanwhile would stand in the command's output.
    with capture_logs():
        return CliRunner().invoke(main, ["federation", *arguments, "--config", str(place.config)])


def test_who_is_invited_enrols_is_listed_and_can_be_taken_out(place: Place) -> None:
    assert alleyes(place, "origins").output == "nobody has enrolled yet: alleyes federation invite\n"
    token = alleyes(place, "invite", "site-a").output.strip()
    key = ec.generate_private_key(ec.SECP256R1())
    answer = place.stranger().enrol(token, signing_request(key))
    member = place.holder(msgspec.json.decode(answer.body, type=Enrolment), key)
    assert member.contribute(learnt()).status == 204
    assert token.split(":")[2] not in (place.directory / "state/federation.db").read_bytes().decode("latin-1")

    listed = alleyes(place, "origins").output
    assert listed.split() == [
        "site-a",
        "origin",
        "certificate",
        "good",
        "for",
        "90",
        "days,",
        "contributes",
        "to",
        "1",
        "topics",
    ]
    (entry,) = msgspec.json.decode(alleyes(place, "origins", "-o", "json").output)
    assert (entry["name"], entry["role"], entry["topics"]) == ("site-a", "origin", 1)

    taken_out = alleyes(place, "revoke", "site-a")
    assert taken_out.output == "site-a: 1 certificates revoked, contributions to 1 topics taken out\n"
    eventually(lambda: member.contribute(learnt(sequence=2)).status == 403)
    assert "revoked" in alleyes(place, "origins").output
    alleyes(place, "invite", "site-a")
    waiting = alleyes(place, "revoke", "site-a")
    assert waiting.exit_code == 0
    assert "1 tokens that waited to be used taken back" in waiting.output
    again = alleyes(place, "revoke", "site-a")
    assert (again.exit_code, again.output.split(maxsplit=1)[0]) == (1, "alleyes:")


def test_an_operator_is_invited_as_one(place: Place) -> None:
    token = alleyes(place, "invite", "boss", "--operator", "--valid", "5m").output.strip()
    assert place.stranger().enrol(token).json["role"] == "operator"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["invite", "Site A"], "is no name of an origin"),
        (["invite", "site-a", "--valid", "soon"], "is not a duration"),
        (["revoke", "../x"], "is no name of an origin"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    found = alleyes(Place(tmp_path), *arguments)
    assert found.exit_code == 2
    assert told in found.output


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["federation", "origins", "--config", str(tmp_path / "none.yaml")])
    assert (found.exit_code, "does not exist" in found.output) == (2, True)
