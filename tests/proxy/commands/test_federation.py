"""What an operator types to take part in a federation, and to see and choose what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.federation.client.credentials import Credentials
from proxy.federation.client.database import FILE, Disk
from proxy.federation.client.state import FederationStatus
from proxy.health import HealthFile
from proxy.main import main
from tests.proxy.control.serving import Desk, served_in_a_thread
from tests.proxy.federation.client.test_archive import LAMP, keep
from tests.proxy.federation.service.running import Place
from tests.proxy.parts import plain_settings, status, write_settings


def typed(directory: Path, *arguments: str, stdin: str | None = None) -> Result:
    path = write_settings(directory, plain_settings(state_directory="."))
    return CliRunner().invoke(main, ["federation", *arguments, "--config", str(path)], input=stdin)


@pytest.mark.parametrize("how", ["given", "asked", "read"])
def test_enrolling_leaves_a_certificate_that_the_gateway_finds(tmp_path: Path, how: str) -> None:
    with Place(tmp_path / "service").serving() as place:
        service, token = f"https://127.0.0.1:{place.port}", place.invite("gateway-a")
        given = {"given": ["--token", token], "asked": [], "read": ["--token=-"]}[how]
        answer = typed(tmp_path, "enroll", "--service", service, *given, stdin=f"{token}\n")
        assert answer.exit_code == 0, answer.output
        assert "alleyes: enrolled as gateway-a, until 20" in answer.stdout
        assert token not in answer.output
        assert Credentials.read(tmp_path / "federation").origin == "gateway-a"
        again = typed(tmp_path, "enroll", "--service", service, "--token", token)
        assert again.exit_code == 2
        assert "does not admit" in again.stderr
    for wrong, said in (("alleyes1:x", "it is no token"), (token, "cannot be reached")):
        answer = typed(tmp_path, "enroll", "--service", service, "--token", wrong)
        assert answer.exit_code == 2
        assert said in answer.stderr


def test_the_status_is_shown_where_a_gateway_serves(tmp_path: Path) -> None:
    assert typed(tmp_path, "status").exit_code == 1
    HealthFile(tmp_path).write(status())
    assert "gateway.yaml has no section `federation`" in typed(tmp_path, "status").stdout
    assert typed(tmp_path, "status", "-o", "json").stdout == "null\n"
    HealthFile(tmp_path).write(status(federation=FederationStatus(service="https://x:1", origin="gateway-a")))
    assert "gateway-a at https://x:1" in typed(tmp_path, "status").stdout
    assert json.loads(typed(tmp_path, "status", "-o", "json").stdout)["origin"] == "gateway-a"


@pytest.fixture
def kept(tmp_path: Path) -> None:
    disk = Disk(tmp_path, lambda _: None)
    keep(disk, 4)
    keep(disk, 5, "/cloud")
    disk._close()


@pytest.mark.usefixtures("kept")
def test_versions_are_listed_and_compared(tmp_path: Path) -> None:
    first, second = typed(tmp_path, "versions", LAMP).stdout.splitlines()
    assert first.startswith("#2")
    assert first.endswith("in force")
    assert second.startswith("#1")
    assert "2 other sites, 0 other nodes here, 4 instance-minutes" in second
    listed = json.loads(typed(tmp_path, "versions", LAMP, "-o", "json").stdout)
    assert [each["weight"] for each in listed] == [5, 4]
    compared = typed(tmp_path, "compare", LAMP, "#1", listed[0]["name"])
    assert compared.stdout.splitlines() == [
        "/lamp: 4 -> 5 instance-minutes of others, 2 -> 2 other sites",
        "  + get /derived/boolean of /cloud: - -> 1.000 of the minutes, 0 -> 2 sites",
        "  - get /derived/boolean of /movementSensor: 1.000 -> - of the minutes, 2 -> 0 sites",
    ]
    assert len(json.loads(typed(tmp_path, "compare", LAMP, "1", "2", "-o", "json").stdout)["came"]) == 1
    same = typed(tmp_path, "compare", LAMP, "2", "2").stdout
    assert "no relationship came, went" in same


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["versions", "/door"], "there is no version of /door; there are of: /lamp"),
        (["compare", LAMP, "1", "7"], "there is no version 7 of /lamp; there are: #2, #1"),
    ],
)
def test_what_is_not_kept_is_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    answer = typed(tmp_path, *arguments)
    assert answer.exit_code == 2
    assert said in answer.stderr


@pytest.mark.parametrize("arguments", [["versions", LAMP], ["compare", LAMP, "1", "2"]])
def test_without_a_file_it_is_said_why(tmp_path: Path, arguments: list[str]) -> None:
    answer = typed(tmp_path, *arguments)
    assert answer.exit_code == 2
    assert f"{FILE} is not there" in answer.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk()
    with served_in_a_thread(tmp_path, desk):
        yield desk


def test_a_version_is_pinned_and_unpinned_by_the_running_gateway(tmp_path: Path, desk: Desk) -> None:
    pinned = typed(tmp_path, "pin", LAMP, "#1")
    assert (pinned.exit_code, pinned.stdout) == (0, "alleyes: /lamp: #1 is in force until it is unpinned\n")
    unpinned = typed(tmp_path, "unpin", LAMP)
    assert (unpinned.exit_code, unpinned.stdout) == (0, "alleyes: /lamp: elsewhere:2 is in force\n")
    assert [asked[:3] for asked in desk.asked] == [("pin", LAMP, "#1"), ("unpin", LAMP, desk.asked[1][2])]
    refused = typed(tmp_path, "pin", LAMP, "none")
    assert refused.exit_code == 2
    assert "there is no version none -- look" in refused.stderr


def test_without_a_gateway_nothing_is_pinned(tmp_path: Path) -> None:
    assert typed(tmp_path, "pin", LAMP, "1").exit_code == 1
