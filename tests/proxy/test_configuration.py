"""Configuration files: what is accepted, and that every mistake is named with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from policy.loading import DocumentError, load_document
from proxy.configuration import (
    GatewayDocument,
    InventoryDocument,
    MappingDecoder,
    ThingsDecoder,
    Tls,
    TlsMode,
    client_ca_of,
    load_gateway,
    load_inventory,
    state_directory_of,
)
from proxy.documents import DOCUMENTS
from proxy.processes.documents import written as as_bytes
from tests.proxy.parts import Settings, plain_point, plain_settings

ON_THIS_HOST: Settings = {
    "topology": "host",
    "interfaces": None,
    "access_points": [plain_point(ipv4="10.77.1.1")],
}
SHIPPED = Path(__file__).parents[2] / "config"


def written(directory: Path, settings: Settings) -> Path:
    path = directory / "gateway.yaml"
    # By way of JSON, as what is there twice would be written as an alias.
    path.write_text(yaml.safe_dump(json.loads(json.dumps(settings))), encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load_gateway(path)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["gateway", "policy", "inventory"])
def test_the_shipped_files_are_valid(name: str) -> None:
    assert isinstance(load_document(SHIPPED / f"{name}.yaml", DOCUMENTS[name]), DOCUMENTS[name])


def test_paths_are_relative_to_the_file() -> None:
    document = load_gateway(SHIPPED / "gateway.yaml")
    assert document.tls is not None
    site_ca, services, access_points = document.tls.of_agents()
    assert site_ca == SHIPPED / "certificates/site-ca.pem"
    assert services.key == SHIPPED / "certificates/gateway.key"
    assert access_points.certificate == SHIPPED / "certificates/gateway.pem"
    assert (document.policy, document.inventory) == (SHIPPED / "policy.yaml", SHIPPED / "inventory.yaml")
    assert document.state_directory == Path("/var/lib/alleyes")


def test_what_may_be_left_out(tmp_path: Path) -> None:
    document = load_gateway(written(tmp_path, plain_settings()))
    (point,) = document.access_points
    assert (point.tls, document.tls, document.fail_mode) == (TlsMode.PLAIN, None, "closed")
    assert document.limits.body_bytes == 65_536


def test_a_federation_is_opt_in_and_its_files_are_in_the_state_directory(tmp_path: Path) -> None:
    assert load_gateway(written(tmp_path, plain_settings())).federation is None
    shared = {"service": "https://federation.example:8470/"}
    federation = load_gateway(written(tmp_path, plain_settings(state_directory="s", federation=shared))).federation
    assert federation is not None
    assert federation.service == "https://federation.example:8470"
    assert federation.directory == tmp_path / "s" / "federation"
    given = load_gateway(written(tmp_path, plain_settings(federation=shared | {"directory": "keys"}))).federation
    assert given is not None
    assert given.directory == tmp_path / "keys"


@pytest.mark.parametrize(
    "service",
    ["http://x:1", "https://x", "x:8470", "https://u:p@x:1", "https://x:1/?a", "https://x:99999", "https://x:1/#a"],
)
def test_an_address_that_is_no_federation_service_s_is_refused(tmp_path: Path, service: str) -> None:
    path = written(tmp_path, plain_settings(federation={"service": service}))
    with pytest.raises(DocumentError, match="is no address of a federation service"):
        load_gateway(path)


@pytest.mark.parametrize("ipv4", ["10.77.1.1", "127.0.0.1"])
def test_an_access_point_may_share_the_listener_s_address_on_its_host(tmp_path: Path, ipv4: str) -> None:
    points = [plain_point(ipv4=ipv4)]
    settings = plain_settings(**ON_THIS_HOST | {"access_points": points, "listen": {"ipv4": ipv4}})
    assert load_gateway(written(tmp_path, settings)).interfaces is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"listen": {}}, "listen: has neither ipv4 nor ipv6 -- give at least one"),
        ({"access_points": []}, "access_points"),
        ({"peers": [{"agent": "agent3", "port": 8081}]}, "peers[0]: agent3 has a port, but no address that it belongs"),
        ({"peers": [{"agent": "agent3", "mac": "02:00:5e:00:53:01"}]}, "peers[0]: agent3 has a mac, but no address"),
        ({"peers": [{"agent": "agent3"}]}, "peers[0].agent: agent3 has no address, and access points without TLS"),
        (
            {"peers": [{"agent": "a", "ipv4": "192.0.2.1"}, {"agent": "a", "ipv4": "192.0.2.2"}]},
            "peers[1].agent: a is taken by peers[0] -- give every agent once",
        ),
        (
            {"peers": [{"agent": "a", "ipv4": "192.0.2.1"}, {"agent": "b", "ipv4": "192.0.2.1"}]},
            "peers[1].ipv4: 192.0.2.1 is taken by peers[0] -- an address can identify only one peer",
        ),
        ({"access_points": [plain_point(ipv4=None)]}, "access_points[0]: agent1 has neither ipv4 nor ipv6 -- give"),
        ({"access_points": [plain_point(tls="maybe")]}, "tls"),
        ({"access_points": [plain_point(port=0)]}, "port"),
        ({"access_points": [plain_point(agent="Agent 1")]}, "agent"),
        (
            {"access_points": [plain_point(tls="required")]},
            "access_points[0].tls: is required, but there are no certificates -- add the `tls` section",
        ),
        (
            {"access_points": [plain_point(), plain_point(ipv4="10.77.2.12", listen_port=9102)]},
            "access_points[1].agent: agent1 is taken by access_points[0] -- ",
        ),
        (
            {"access_points": [plain_point(), plain_point(agent="agent2", ipv4="10.77.2.12")]},
            "access_points[1].listen_port: 9101 is taken by access_points[0] -- ",
        ),
        (
            {"access_points": [plain_point(), plain_point(agent="agent2", listen_port=9102)]},
            "access_points[1].ipv4: 10.77.2.11 port 8081 is taken by access_points[0] -- ",
        ),
        (
            {"access_points": [plain_point(ipv6="fd77:2::11")]},
            "access_points[0].ipv6: agent1 has an address here, but listen.ipv6 is not given -- add `listen.ipv6`",
        ),
        (
            {"listen": {"ipv6": "fd77:1::1"}},
            "access_points[0].ipv4: agent1 has an address here, but listen.ipv4 is not given",
        ),
        (
            {"interfaces": {"services": ["iot", "a name too long"], "access_points": ["lo"]}},
            "interfaces.services[1]: 'a name",
        ),
        (
            {"interfaces": {"services": ["iot"], "access_points": ["wlan-of-the-house"]}},
            "interfaces.access_points[0]: ",
        ),
        (
            {"listen": {"ipv4": "10.77.1.1", "ipv6": "::ffff:10.77.1.1"}},
            "is an IPv4 address in the spelling of IPv6 -- write it as IPv4: 10.77.1.1",
        ),
        ({"listen": {"ipv4": "10.77.1.1", "ipv6": "fe80::1%eth0"}}, "listen.ipv6: 'fe80::1%eth0' has a zone -- "),
        ({"access_points": [plain_point(ipv6="::ffff:10.77.2.11")]}, "access_points[0].ipv6: "),
        ({"fail_mode": "ajar"}, "fail_mode"),
        ({"limits": {"body_bytes": 10}}, "body_bytes"),
        ({"workers": 65}, "workers"),
        ({"topology": "bridge"}, "`topology: bridge` does not go with what `interfaces.bridge` says -- give"),
        (
            {"interfaces": {"services": ["iot"], "access_points": ["lo"], "bridge": "br0"}},
            "`topology: routed` does not go with what `interfaces.bridge` says -- give",
        ),
        (
            {
                "workers": 4,
                "access_points": [plain_point(), plain_point(agent="agent2", ipv4="10.77.2.12", listen_port=9104)],
            },
            "ports 9104 to 9107 overlap those of access_points[0], ports 9101 to 9104 -- leave 4 ports free from each",
        ),
        (
            {"workers": 4, "access_points": [plain_point(listen_port=65533)]},
            "access_points[0].listen_port: 65533 leaves no room for 4 workers -- choose one up to 65532",
        ),
        ({"policies": "policy.yaml"}, "policies"),
        ({"interfaces": None}, "`topology: routed` needs `interfaces` -- say which lead to services and to access"),
        ({"topology": "host"}, "`topology: host` has no `interfaces` -- remove them"),
        (
            ON_THIS_HOST | {"reachable": ["10.77.2.0/24"]},
            "reachable: `topology: host` has no side of the access points",
        ),
        (
            ON_THIS_HOST | {"listen": {"ipv4": "127.0.0.1"}},
            "access_points[0].ipv4: calls from outside can not be redirected to listen.ipv4, 127.0.0.1 -- write an",
        ),
        (
            ON_THIS_HOST | {"access_points": [plain_point(ipv4="10.77.1.1", listen_port=8080)], "workers": 2},
            "access_points[0].listen_port: 8081 is the port of access_points[0] on this machine -- choose one",
        ),
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


def test_entries_that_do_not_fit_together_are_named_at_once_each_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "interfaces: {services: [iot], access_points: [lo]}\n"
        "listen: {ipv4: 10.77.1.1}\n"
        "access_points:\n"
        "  - agent: agent1\n"
        "    ipv4: 10.77.2.11\n"
        "    port: 8081\n"
        "    listen_port: 9101\n"
        "    tls: plain\n"
        "  - agent: agent1\n"
        "    ipv4: 10.77.2.11\n"
        "    ipv6: fd77:2::11\n"
        "    port: 8081\n"
        "    listen_port: 9101\n"
        "    tls: required\n"
        "fail_mode: ajar\n",
        encoding="utf-8",
    )
    problems = problems_of(path)
    assert [problem.split(": ")[0] for problem in problems] == [f"{path}:{line}" for line in (9, 10, 11, 13, 14, 15)]
    assert all(" -- " in problem for problem in problems)


def test_an_entry_three_times_is_named_twice(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "services:\n"
        "  - {address: /agent1/a, ip: 192.0.2.4}\n"
        "  - {address: /agent1/a, ip: 192.0.2.5}\n"
        "  - {address: /agent1/a, ip: 192.0.2.4}\n"
        "protected: ['::ffff:192.0.2.1']\n",
        encoding="utf-8",
    )
    with pytest.raises(DocumentError) as caught:
        load_document(path, InventoryDocument)
    assert [(problem.line, problem.location) for problem in caught.value.problems] == [
        (3, "services[1].address"),
        (4, "services[2].address"),
        (5, "protected[0]"),
    ]


@pytest.mark.parametrize(
    ("services", "named"),
    [
        (
            [{"address": "/agent1/a"}, {"address": "/agent1/a"}],
            "services[1].address: /agent1/a is taken by services[0] -- ",
        ),
        (
            [
                {"address": "/agent1/a", "ip": "192.0.2.4", "mac": "02:00:5e:00:53:01"},
                {"address": "/agent1/b", "addresses": [{"ip": "192.0.2.4", "mac": "02:00:5e:00:53:02"}]},
            ],
            "services[1]: 192.0.2.4 has the mac 02:00:5e:00:53:02 here, and 02:00:5e:00:53:01 in services[0] -- one",
        ),
        (
            [{"address": "/agent1/a", "only_here": True}],
            "services[0]: /agent1/a is to be only here, but nothing says where -- give its ip",
        ),
        (
            [{"address": "/agent1/a", "addresses": [{"mac": "02:00:5e:00:53:01"}]}],
            "services[0].addresses[0].ip: ",
        ),
        ([{"address": "/agent1"}], "services[0].address"),
        ([{"address": "/agent1/a/node"}], "services[0].address"),
        ([{"address": "/agent1/a", "room": "kitchen"}], "room"),
        (
            [{"address": "/agent1/a", "ip": "192.0.2.4", "mac": "02:00:5e:00:53"}],
            "services[0].mac: '02:00:5e:00:53' is not a link address -- write it as",
        ),
        (
            [{"address": "/agent1/a", "mac": "02:00:5e:00:53:01"}],
            "services[0]: /agent1/a has a mac, but no ip that belongs to it -- give both",
        ),
        ([{"address": "/agent1/a", "ip": "fe80::4%eth0"}], "services[0].ip: 'fe80::4%eth0' has a zone -- "),
    ],
)
def test_mistakes_in_inventory_yaml(tmp_path: Path, services: list[Settings], named: str) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(yaml.safe_dump({"services": services}), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_document(path, InventoryDocument)
    (problem,) = map(str, caught.value.problems)
    assert named in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (yaml.safe_dump(plain_settings(state_directory="here")), "{}/here"),
        ("state_directory: here  # beside this file\naccess_points: [\n", "{}/here"),
        ("access_points: [\nstate_directory: '/srv/alleyes'\n", "/srv/alleyes"),
        ("state_directory: [\n", "/var/lib/alleyes"),
        ("state_directory: 7\n", "/var/lib/alleyes"),
        ("colour: red\n", "/var/lib/alleyes"),
        (None, "/var/lib/alleyes"),
    ],
)
def test_the_state_directory_is_known_even_of_a_broken_file(tmp_path: Path, text: str | None, expected: str) -> None:
    if text is not None:
        (tmp_path / "gateway.yaml").write_text(text, encoding="utf-8")
    assert state_directory_of(tmp_path / "gateway.yaml") == Path(expected.format(tmp_path))


def test_every_kind_of_decoder_is_read_and_its_files_are_beside_the_document(tmp_path: Path) -> None:
    things = ["lamp.td.json", "https://192.0.2.9/.well-known/wot"]
    points = [
        plain_point(),
        plain_point(agent="hue", port=80, listen_port=9102, decoder={"mapping": "hue.yaml"}),
        plain_point(agent="things", port=81, listen_port=9103, decoder={"things": things}),
    ]
    read = load_gateway(written(tmp_path, plain_settings(access_points=points)))
    assert [point.decoder for point in read.access_points] == [
        "vsl",
        MappingDecoder(mapping=tmp_path / "hue.yaml"),
        ThingsDecoder(things=[str(tmp_path / "lamp.td.json"), things[1]]),
    ]
    assert GatewayDocument.model_validate_json(as_bytes(read)).access_points == read.access_points


@pytest.mark.parametrize(
    ("decoder", "told"),
    [
        ("knx", 'access_points[0].decoder: "knx" is not one of the choices -- use vsl'),
        ({"map": "hue.yaml"}, "neither `vsl`, nor `{mapping: FILE}`, nor `{things: [FILE or URL]}`"),
        ({"mapping": "hue.yaml", "agent": "x"}, "access_points[0].decoder.agent: is not a known setting"),
        ({"things": []}, "access_points[0].decoder.things: []: list should have at least 1 item"),
    ],
)
def test_a_decoder_that_is_none_is_told_at_its_place(tmp_path: Path, decoder: object, told: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load_gateway(written(tmp_path, plain_settings(access_points=[plain_point(decoder=decoder)])))
    assert told in str(refused.value)


def test_tls_is_for_knowledge_agents(tmp_path: Path) -> None:
    points = [plain_point(decoder={"mapping": "hue.yaml"}, tls="required")]
    with pytest.raises(DocumentError, match=r"access_points\[0\].tls: agent1 is no Knowledge Agent"):
        load_gateway(written(tmp_path, plain_settings(access_points=points)))


PIN: dict[str, Any] = {"fingerprint": f"sha256:{'0a' * 32}"}
OWN = {"certificate": "own.pem", "key": "own.key"}
DEVICE: dict[str, Any] = {"tls": "server", "decoder": {"mapping": "hue.yaml"}}


@pytest.mark.parametrize(
    ("point", "tls", "told"),
    [
        ({}, {"towards_services": OWN}, "tls: is `server`, but nothing tells agent1 from an impostor -- add"),
        ({"towards_access_point": PIN}, None, "tls: is `server`, but there is no certificate to show to services --"),
        ({"towards_access_point": PIN}, {"site_ca": "ca.pem"}, "tls: is `server`, but there is no certificate to show"),
        ({"towards_access_point": PIN, "decoder": "vsl"}, None, "tls: agent1 is a Knowledge Agent, whose certificate"),
        (
            {"towards_access_point": PIN, "towards_services": {**OWN, "client_certificates": "required"}},
            None,
            "towards_services: requires certificates of services, but has no CA that verifies them -- add `client_ca`",
        ),
        (
            {"towards_access_point": PIN, "tls": "plain"},
            None,
            "towards_access_point: counts with `tls: server` only, not with `plain` -- remove it",
        ),
        (
            {"towards_services": OWN, "tls": "required", "decoder": "vsl"},
            {"site_ca": "ca.pem", "towards_services": OWN, "towards_access_points": OWN},
            "towards_services: counts with `tls: server` only, not with `required` -- remove it",
        ),
        (
            {"tls": "required", "decoder": "vsl"},
            {"towards_services": OWN},
            "tls: is required, but the `tls` section has no site_ca and no towards_access_points -- add what",
        ),
    ],
)
def test_what_of_tls_does_not_fit_together_is_told_at_its_place(
    tmp_path: Path, point: dict[str, Any], tls: dict[str, Any] | None, told: str
) -> None:
    settings = plain_settings(access_points=[plain_point(**(DEVICE | point))])
    if tls is not None:
        settings["tls"] = tls
    with pytest.raises(DocumentError) as refused:
        load_gateway(written(tmp_path, settings))
    assert f"access_points[0].{told}" in str(refused.value)


def test_a_peer_s_tls_is_that_of_a_knowledge_agent(tmp_path: Path) -> None:
    peer = {"agent": "agent2", "ipv4": "10.77.1.9", "port": 8081}
    settings = plain_settings(peers=[peer | {"tls": "server"}])
    with pytest.raises(DocumentError, match=r"peers\[0\].tls: a peer is a Knowledge Agent"):
        load_gateway(written(tmp_path, settings))
    settings = plain_settings(peers=[peer], tls={"towards_services": OWN})
    with pytest.raises(DocumentError, match=r"peers\[0\].tls: agent2 is asked for its structure by TLS, but"):
        load_gateway(written(tmp_path, settings))


def test_a_device_s_files_are_relative_too_and_survive_the_way_to_a_worker(tmp_path: Path) -> None:
    points = [
        plain_point(
            **DEVICE,
            towards_services={**OWN, "client_ca": "clients.pem"},
            towards_access_point={"ca": "maker.pem", "name": "Hue.House", **OWN},
        ),
        plain_point(agent="agent2", port=8082, listen_port=9102),
    ]
    document = load_gateway(written(tmp_path, plain_settings(access_points=points)))
    there = GatewayDocument.model_validate_json(as_bytes(document))
    assert there == document
    point = there.access_points[0]
    assert client_ca_of(point, None) == tmp_path / "clients.pem"
    assert point.towards_services.key == tmp_path / "own.key"
    assert point.towards_access_point is not None
    assert (point.towards_access_point.ca, point.towards_access_point.name) == (tmp_path / "maker.pem", "hue.house")
    assert client_ca_of(there.access_points[1], Tls(site_ca=Path("ca.pem"))) is None


def test_the_ca_of_a_certificate_is_relative_to_the_inventory(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        yaml.safe_dump({"services": [{"address": "/a/b", "certificates": [{"name": "b", "ca": "ca.pem"}]}]})
    )
    assert load_inventory(path).services[0].certificates[0].ca == tmp_path / "ca.pem"


@pytest.mark.parametrize("certificate", [{"name": "tablet"}, {"name": "tablet", "ca": "ca.pem"}, PIN])
def test_a_certificate_belongs_to_one_service(certificate: dict[str, Any]) -> None:
    services = [{"address": f"/rooms/{name}", "certificates": [certificate]} for name in ("one", "two")]
    with pytest.raises(ValidationError, match=r"is taken by services\[0\]"):
        InventoryDocument.model_validate({"services": services})


def test_a_token_belongs_to_one_service() -> None:
    services = [{"address": f"/rooms/{name}", "tokens": ["0" * 64]} for name in ("one", "two")]
    with pytest.raises(ValidationError, match=r"is taken by services\[0\]"):
        InventoryDocument.model_validate({"services": services})
    with pytest.raises(ValidationError, match="pattern"):
        InventoryDocument.model_validate({"services": [{"address": "/rooms/one", "tokens": ["the token itself"]}]})
