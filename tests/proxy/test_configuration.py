"""Configuration files: what is accepted, and that every mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policy.loading import DocumentError, load_document
from proxy.configuration import DOCUMENTS, InventoryDocument, TlsMode, load_gateway
from tests.proxy.parts import Settings, plain_point, plain_settings

SHIPPED = Path(__file__).parents[2] / "config"


def written(directory: Path, settings: Settings) -> Path:
    path = directory / "gateway.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load_gateway(path)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_shipped_files_are_valid(name: str) -> None:
    assert isinstance(load_document(SHIPPED / f"{name}.yaml", DOCUMENTS[name]), DOCUMENTS[name])


def test_paths_are_relative_to_the_file() -> None:
    document = load_gateway(SHIPPED / "gateway.yaml")
    assert document.tls is not None
    assert document.tls.site_ca == SHIPPED / "certificates/site-ca.pem"
    assert document.tls.towards_services.key == SHIPPED / "certificates/gateway.key"
    assert document.tls.towards_access_points.certificate == SHIPPED / "certificates/gateway.pem"
    assert (document.policy, document.inventory) == (SHIPPED / "policy.yaml", SHIPPED / "inventory.yaml")
    assert document.state_directory == Path("/var/lib/alleyes")


def test_what_may_be_left_out(tmp_path: Path) -> None:
    document = load_gateway(written(tmp_path, plain_settings()))
    (point,) = document.access_points
    assert (point.tls, document.tls, document.fail_mode) == (TlsMode.PLAIN, None, "closed")
    assert document.limits.body_bytes == 65_536


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"listen": {}}, "give at least one of ipv4 and ipv6"),
        ({"access_points": []}, "access_points"),
        ({"access_points": [plain_point(ipv4=None)]}, "give at least one of ipv4 and ipv6"),
        ({"access_points": [plain_point(tls="maybe")]}, "tls"),
        ({"access_points": [plain_point(port=0)]}, "port"),
        ({"access_points": [plain_point(agent="Agent 1")]}, "agent"),
        ({"access_points": [plain_point(tls="required")]}, "give the tls section with its certificates"),
        (
            {"access_points": [plain_point(), plain_point(ipv4="10.77.2.12", listen_port=9102)]},
            "agent must differ between access points; twice: agent1",
        ),
        (
            {"access_points": [plain_point(), plain_point(agent="agent2", ipv4="10.77.2.12")]},
            "listen_port must differ between access points; twice: 9101",
        ),
        (
            {"access_points": [plain_point(), plain_point(agent="agent2", listen_port=9102)]},
            "two access points share 10.77.2.11 port 8081",
        ),
        (
            {"access_points": [plain_point(ipv6="fd77:2::11")]},
            "access point agent1 has an IPv6 address; give listen.ipv6 as well",
        ),
        ({"listen": {"ipv6": "fd77:1::1"}}, "access point agent1 has an IPv4 address; give listen.ipv4 as well"),
        ({"fail_mode": "open"}, "fail_mode"),
        ({"limits": {"body_bytes": 10}}, "body_bytes"),
        ({"policies": "policy.yaml"}, "policies"),
    ],
)
def test_mistakes_in_gateway_yaml(tmp_path: Path, change: Settings, named: str) -> None:
    (problem,) = problems_of(written(tmp_path, plain_settings(**change)))
    assert problem.startswith(f"{tmp_path / 'gateway.yaml'}:")
    assert named in problem


def test_all_mistakes_are_named_at_once_each_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "interfaces: {services: [iot], access_points: [lo]}\n"
        "listen: {ipv4: 10.77.1.300}\n"
        "access_points:\n"
        "  - agent: agent1\n"
        "    ipv4: 10.77.2.11\n"
        "    port: 80810\n"
        "    listen_port: 9101\n"
        "    tls: plain\n",
        encoding="utf-8",
    )
    assert [problem.split(": ")[0] for problem in problems_of(path)] == [f"{path}:2", f"{path}:6"]


@pytest.mark.parametrize(
    ("services", "named"),
    [
        ([{"address": "/agent1/a"}, {"address": "/agent1/a"}], "services listed twice: /agent1/a"),
        (
            [{"address": "/agent1/a", "ip": "192.0.2.4"}, {"address": "/agent1/b", "ip": "192.0.2.4"}],
            "two services share the address 192.0.2.4",
        ),
        ([{"address": "/agent1"}], "services[0].address"),
        ([{"address": "/agent1/a/node"}], "services[0].address"),
        ([{"address": "/agent1/a", "room": "kitchen"}], "room"),
    ],
)
def test_mistakes_in_inventory_yaml(tmp_path: Path, services: list[Settings], named: str) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(yaml.safe_dump({"services": services}), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_document(path, InventoryDocument)
    (problem,) = map(str, caught.value.problems)
    assert named in problem
