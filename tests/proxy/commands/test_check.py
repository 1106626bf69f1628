"""Would the gateway start? Every reason why not, at once, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.analyzer import Analyzer
from proxy.main import main
from proxy.policy_file import load_policy
from proxy.storage.model_store import CURRENT, PREVIOUS
from proxy.storage.policy_store import PolicyStore
from tests.network.namespaces import Host
from tests.proxy.parts import plain_point, plain_settings, tls_settings, write_settings
from tests.proxy.test_mappings import LAMP
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import GatewayProcess


def checked(path: Path, *flags: str) -> Result:
    return CliRunner().invoke(main, ["check", *flags, "--config", str(path)])


def test_files_that_are_fine(tmp_path: Path, authority: SiteAuthority) -> None:
    settings = plain_settings(access_points=[plain_point(tls="required")], tls=tls_settings(authority))
    path = write_settings(tmp_path, settings, "mode: enforce\n")
    before = sorted(tmp_path.iterdir())
    answer = checked(path, "--files-only")
    assert answer.exit_code == 0
    assert answer.output.startswith(f"alleyes: {path} is fine: agent1; policy ")
    assert answer.output.endswith(", enforce\n")
    assert sorted(tmp_path.iterdir()) == before


def test_what_calls_are_understood_by_is_told_and_mistakes_in_it_are(tmp_path: Path) -> None:
    (tmp_path / "lamp.yaml").write_text(LAMP)
    decoder = {"mapping": "lamp.yaml"}
    settings = plain_settings(access_points=[plain_point(agent="lamps", decoder=decoder)])
    path = write_settings(tmp_path, settings)
    answer = checked(path, "--files-only")
    assert answer.output.startswith(f"alleyes: {path} is fine: lamps (lamp.yaml); policy ")
    (tmp_path / "lamp.yaml").write_text(LAMP.replace("path: /lamp", "path: lamp"))
    answer = checked(path, "--files-only")
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"alleyes: {tmp_path}/lamp.yaml:6: routes[0].path: ")


def test_an_old_revocation_list_is_a_warning(tmp_path: Path, authority: SiteAuthority) -> None:
    (tmp_path / "site.crl").write_bytes(authority.revocation_list([], expired=True))
    tls = tls_settings(authority) | {"crl": ["site.crl"]}
    answer = checked(write_settings(tmp_path, plain_settings(tls=tls)), "--files-only")
    assert answer.exit_code == 0
    assert f"{tmp_path / 'site.crl'}: the revocation list of CN=site-ca is out of date since" in answer.stderr


def test_all_files_are_checked_before_anything_is_told(tmp_path: Path, authority: SiteAuthority) -> None:
    tls = tls_settings(authority) | {"site_ca": "missing.pem"}
    settings = plain_settings(access_points=[plain_point(tls="required")], tls=tls)
    path = write_settings(tmp_path, settings, "mode: strict\n", {"services": [{"address": "x"}]})
    answer = checked(path, "--files-only")
    assert answer.exit_code == 2
    assert answer.stdout == ""
    policy, inventory, certificate = answer.stderr.splitlines()
    assert policy.startswith(f"alleyes: {tmp_path / 'policy.yaml'}:1: mode")
    assert inventory.startswith(f"alleyes: {tmp_path / 'inventory.yaml'}:")
    assert certificate.startswith(f"alleyes: {tmp_path / 'missing.pem'}: cannot be used as the site's CA")


def test_a_broken_policy_does_not_keep_a_gateway_from_starting_that_has_a_good_one(
    tmp_path: Path, machine: Host
) -> None:
    del machine
    path = write_settings(tmp_path, plain_settings(state_directory="state"), "mode: strict\n")
    assert checked(path).exit_code == 2
    (tmp_path / "good.yaml").write_text("mode: enforce\n")
    (tmp_path / "state").mkdir()
    PolicyStore(tmp_path / "state").save(load_policy(tmp_path / "good.yaml"))
    answer = checked(path)
    assert answer.exit_code == 0
    mistake, consequence = answer.stderr.splitlines()
    assert mistake.startswith(f"alleyes: {tmp_path / 'policy.yaml'}:1: mode")
    assert "would start, with the last good policy" in consequence
    assert checked(path, "--files-only").exit_code == 2


def test_the_machine_is_checked_too(tmp_path: Path, machine: Host) -> None:
    path = write_settings(tmp_path, plain_settings(state_directory="state"))
    assert checked(path).exit_code == 0
    assert not (tmp_path / "state").exists()
    machine.forwarding(on=False)
    answer = checked(path)
    assert answer.exit_code == 2
    assert answer.stderr.startswith("alleyes: IPv4 forwarding is off")
    assert checked(path, "--files-only").exit_code == 0


def test_a_mistake_in_a_file_does_not_hide_one_of_the_machine_or_in_its_state(tmp_path: Path, machine: Host) -> None:
    path = write_settings(tmp_path, plain_settings(state_directory="state"), "mode: strict\n")
    (tmp_path / "state").write_text("in the way")
    machine.forwarding(on=False)
    answer = checked(path)
    assert answer.exit_code == 2
    policy, forwarding, state = answer.stderr.splitlines()
    assert policy.startswith(f"alleyes: {tmp_path / 'policy.yaml'}:1: mode")
    assert forwarding.startswith("alleyes: IPv4 forwarding is off")
    assert state.startswith(f"alleyes: state_directory {tmp_path / 'state'}: File exists")


def test_a_lost_generation_is_told_and_is_no_reason_not_to_start(tmp_path: Path, machine: Host) -> None:
    path = write_settings(tmp_path, plain_settings(state_directory="state"))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / CURRENT).write_bytes(b"damaged")
    (tmp_path / "state" / PREVIOUS).write_bytes(Analyzer().dump())
    answer = checked(path)
    assert answer.exit_code == 0
    assert answer.stderr.startswith(f"alleyes: {tmp_path / 'state' / CURRENT}: ")


def test_the_ports_of_the_gateway_that_runs_are_not_taken(tmp_path: Path, machine: Host) -> None:
    gateway = GatewayProcess(tmp_path, machine)
    gateway.write(plain_settings(state_directory="state"), {"mode": "enforce"})
    gateway.start(command=("-c", "from proxy.main import main; main()", "run"))
    running = checked(gateway.config)
    gateway.stop()
    assert (running.exit_code, running.stderr) == (0, "")
    with machine.listen("10.77.1.1", 9101):
        assert "port 9101 on 10.77.1.1 is taken" in checked(gateway.config).stderr


@pytest.mark.parametrize(
    "change",
    [
        {"interfaces": {"services": ["an-interface-name-that-is-too-long"], "access_points": ["lo"]}},
        {"listen": {"ipv4": "10.77.1.1", "ipv6": "::ffff:10.77.1.1"}, "access_points": [plain_point(ipv6="fd77::1")]},
    ],
    ids=["interface", "mapped address"],
)
def test_what_cannot_be_a_rule_is_a_line_like_any_other_problem(tmp_path: Path, change: dict[str, object]) -> None:
    answer = checked(write_settings(tmp_path, plain_settings(**change)), "--files-only")
    assert answer.exit_code == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"alleyes: {tmp_path / 'gateway.yaml'}:")
