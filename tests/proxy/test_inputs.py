"""Everything is read before anything is changed, and every problem of every file is told at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.configuration import load_gateway
from proxy.inputs import StartRefused, machine_problems, read_inputs
from proxy.mappings import sources
from proxy.storage.mappings_store import MappingsStore
from proxy.storage.policy_store import PolicyStore
from tests.proxy.parts import plain_point, plain_settings, tls_settings, write_settings
from tests.proxy.test_mappings import LAMP
from tests.site.certificates import SiteAuthority


def refused(path: Path) -> list[str]:
    with pytest.raises(StartRefused) as caught:
        read_inputs(load_gateway(path))
    return caught.value.problems


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path, authority: SiteAuthority) -> None:
    settings = plain_settings(
        access_points=[plain_point(tls="required")], tls=tls_settings(authority) | {"site_ca": "missing.pem"}
    )
    path = write_settings(tmp_path, settings, "mode: strict\nthresholds: {block: -1}\n", {"services": 5})
    assert [problem.partition(":")[0] for problem in refused(path)] == [
        str(tmp_path / name) for name in ("policy.yaml", "policy.yaml", "inventory.yaml", "missing.pem")
    ]


def test_what_only_the_firewall_objects_to_is_told_of_the_file_that_it_is_in(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(), "mode: strict\n")
    document = load_gateway(path)
    assert document.interfaces is not None
    interfaces = document.interfaces.model_copy(update={"services": ["no interface"]})
    with pytest.raises(StartRefused) as caught:
        read_inputs(document.model_copy(update={"interfaces": interfaces}))
    policy, plan = caught.value.problems
    assert policy.startswith(f"{tmp_path / 'policy.yaml'}:1: mode")
    assert plan.startswith("gateway.yaml: interface name 'no interface'")


def test_the_last_good_policy_takes_the_place_of_a_broken_one_where_that_is_wanted(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(state_directory="state"), "mode: enforce\n")
    good = read_inputs(load_gateway(path)).policy
    (tmp_path / "state").mkdir()
    PolicyStore(tmp_path / "state").save(good)
    (tmp_path / "policy.yaml").write_text("mode: strict\n")
    policy = read_inputs(load_gateway(path), last_good=True).policy
    assert (policy.revision, policy.document) == (good.revision, good.document)
    assert [each.split(": ")[0] for each in policy.instead_of] == [f"{tmp_path / 'policy.yaml'}:1"]
    assert refused(path)[0].startswith(f"{tmp_path / 'policy.yaml'}:1")
    (tmp_path / "policy.yaml").unlink()
    assert "does not exist" in read_inputs(load_gateway(path), last_good=True).policy.instead_of[0]


def test_the_last_good_mapping_takes_the_place_of_a_broken_one_where_that_is_wanted(tmp_path: Path) -> None:
    points = [plain_point(decoder={"mapping": "a.yaml"})]
    path = write_settings(tmp_path, plain_settings(state_directory="state", access_points=points))
    (tmp_path / "a.yaml").write_text(LAMP)
    document = load_gateway(path)
    good = read_inputs(document).mappings
    (tmp_path / "state").mkdir()
    MappingsStore(tmp_path / "state").save(good, sources(document))
    (tmp_path / "a.yaml").write_text("name: broken\n")
    inputs = read_inputs(document, last_good=True)
    assert inputs.mappings == good
    assert inputs.mapping_problems[0].startswith(f"{tmp_path / 'a.yaml'}:1: routes: is missing")
    assert refused(path)[0].startswith(f"{tmp_path / 'a.yaml'}:1: routes: is missing")


def test_the_paper_s_scoring_has_one_worker(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(workers=2), "scoring: paper\n")
    (problem,) = refused(path)
    assert problem.startswith(
        f"{tmp_path / 'policy.yaml'}: scoring: paper is for one worker, and gateway.yaml has 2 --"
    )
    read_inputs(load_gateway(write_settings(tmp_path, plain_settings(), "scoring: paper\n")))


def test_the_paper_s_scoring_is_in_no_federation(tmp_path: Path) -> None:
    settings = plain_settings(federation={"service": "https://federation.example:8470"})
    (problem,) = refused(write_settings(tmp_path, settings, "scoring: paper\n"))
    assert problem.startswith(f"{tmp_path / 'policy.yaml'}: scoring: paper has models of one node alone")
    read_inputs(load_gateway(write_settings(tmp_path, settings, "scoring: alleyes\n")))


def test_revocation_lists_that_cannot_be_used_are_told_by_file(tmp_path: Path, authority: SiteAuthority) -> None:
    broken, own = tmp_path / "broken.crl", tmp_path / "own.crl"
    tls = tls_settings(authority)
    broken.write_bytes(b"no list")
    own.write_bytes(authority.revocation_list([Path(tls["towards_services"]["certificate"])]))
    settings = plain_settings(access_points=[plain_point(tls="required")], tls=tls | {"crl": ["broken.crl"]})
    (problem,) = refused(write_settings(tmp_path, settings))
    assert problem.startswith(f"{broken}: cannot be used as revocation list: ")
    settings["tls"]["crl"] = ["own.crl"]
    (problem,) = refused(write_settings(tmp_path, settings))
    assert "the gateway's own certificate is revoked -- " in problem


def test_services_that_nothing_tells_apart_are_told(tmp_path: Path, authority: SiteAuthority) -> None:
    services = [{"address": f"/agent1/tv{n}", "ip": "192.0.2.50"} for n in (1, 2)]
    (problem,) = refused(write_settings(tmp_path, plain_settings(), inventory={"services": services}))
    assert problem.startswith(
        f"{tmp_path / 'inventory.yaml'}: 192.0.2.50 is the address of /agent1/tv1 and of /agent1/tv2"
    )
    settings = plain_settings(access_points=[plain_point(tls="required")], tls=tls_settings(authority))
    read_inputs(load_gateway(write_settings(tmp_path, settings, inventory={"services": services})))


def test_reading_changes_nothing(tmp_path: Path) -> None:
    read_inputs(load_gateway(write_settings(tmp_path, plain_settings(state_directory="state"), "mode: learn\n")))
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could run as root")
def test_a_state_directory_of_root_makes_no_gateway_beside_access_points(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    settings = plain_settings(topology="host", interfaces=None, state_directory="state")
    problems = machine_problems(load_gateway(write_settings(tmp_path, settings)))
    assert any(problem.startswith("the gateway would run as root") for problem in problems)
