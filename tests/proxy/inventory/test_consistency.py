"""Which services nothing tells apart."""

from __future__ import annotations

import pytest

from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.inventory.consistency import indistinguishable, useless_certificates
from tests.proxy.parts import plain_point, plain_settings

POINTS = [plain_point(), plain_point(agent="agent2", ipv4="10.77.2.12", listen_port=9102)]


def told(*services: dict[str, object]) -> list[str]:
    document = GatewayDocument.model_validate(plain_settings(access_points=POINTS))
    inventory = InventoryDocument.model_validate({"services": list(services)})
    return list(indistinguishable(document, inventory))


def test_one_address_for_two_services_of_a_plain_access_point() -> None:
    (line,) = told(
        {"address": "/agent1/tv1", "ip": "192.0.2.50"},
        {"address": "/agent1/tv2", "ip": "192.0.2.51", "addresses": [{"ip": "192.0.2.50"}]},
    )
    assert line.startswith("192.0.2.50 is the address of /agent1/tv1 and of /agent1/tv2, and agent1 speaks no TLS")
    assert " -- give each an address of its own" in line


@pytest.mark.parametrize(
    "services",
    [
        ({"address": "/agent1/tv1", "ip": "192.0.2.50"}, {"address": "/agent2/tv2", "ip": "192.0.2.50"}),
        ({"address": "/agent3/tv1", "ip": "192.0.2.50"}, {"address": "/agent3/tv2", "ip": "192.0.2.50"}),
        ({"address": "/agent1/tv1", "ip": "192.0.2.50", "addresses": [{"ip": "192.0.2.50"}]},),
        ({"address": "/agent1/tv1"}, {"address": "/agent1/tv2"}),
    ],
    ids=["of two access points", "of one that is not here", "one service twice", "no addresses"],
)
def test_what_is_told_apart(services: tuple[dict[str, object], ...]) -> None:
    assert told(*services) == []


def useless(*certificates: dict[str, object], **side: object) -> list[str]:
    """What is told of certificates of a service before a device whose CA of services is `/etc/clients.pem`."""
    own = {"certificate": "own.pem", "key": "own.key", "client_ca": "/etc/clients.pem", **side}
    point = plain_point(
        tls="server",
        decoder={"mapping": "x.yaml"},
        towards_services={name: value for name, value in own.items() if value is not None},
        towards_access_point={"fingerprint": FINGERPRINT},
    )
    document = GatewayDocument.model_validate(plain_settings(access_points=[point]))
    services = [{"address": "/house/tablet", "certificates": list(certificates)}]
    return list(useless_certificates(document, InventoryDocument.model_validate({"services": services})))


FINGERPRINT = f"sha256:{'0a' * 32}"


def test_certificates_that_an_access_point_can_verify() -> None:
    assert useless({"name": "tablet", "ca": "/etc/clients.pem"}, {"fingerprint": FINGERPRINT}) == []
    assert useless(client_ca=None) == []


def test_certificates_that_no_access_point_could_verify_are_told() -> None:
    (line,) = useless({"name": "tablet", "ca": "/etc/other.pem"})
    assert line.startswith("/house/tablet has the certificate 'tablet' of /etc/other.pem, which is the CA of services")
    assert line.endswith(" -- write as `ca` one of them: /etc/clients.pem")
    (line,) = useless({"name": "tablet"})
    assert "'tablet' of no CA" in line
    (line,) = useless({"fingerprint": FINGERPRINT}, client_ca=None)
    assert line.startswith("/house/tablet has certificates, but no access point with `tls: server` has a CA")
    assert " -- give it a `client_ca`" in line


def test_one_name_of_one_ca_for_two_services_is_told_however_the_ca_is_spelt() -> None:
    point = plain_point(tls="server", decoder={"mapping": "x.yaml"}, towards_access_point={"fingerprint": FINGERPRINT})
    tls = {"site_ca": "/etc/ca.pem", "towards_services": {"certificate": "own.pem", "key": "own.key"}}
    document = GatewayDocument.model_validate(plain_settings(access_points=[point], tls=tls))
    services = [
        {"address": "/house/tablet", "certificates": [{"name": "tablet"}]},
        {
            "address": "/house/phone",
            "certificates": [{"name": "phone"}, {"name": "tablet", "ca": "/etc/../etc/ca.pem"}],
        },
    ]
    inventory = InventoryDocument.model_validate({"services": services})
    (line,) = useless_certificates(document, inventory)
    assert line.startswith("/house/phone has the certificate 'tablet' of /etc/../etc/ca.pem, which is that of /house/t")
