"""Whose certificate it is: by its fingerprint, or a name under the CA that the name was written for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from proxy.client_certificates import ClientCertificates, names_of
from proxy.configuration import InventoriedService, Tls
from proxy.identity import IdentityError
from tests.site.certificates import Credentials, SiteAuthority, fingerprint, load

CA, OTHER_CA = Path("/etc/ca.pem"), Path("/etc/other.pem")


def known(**certificates: list[dict[str, Any]]) -> ClientCertificates:
    """The certificates of services `/house/NAME`; the site's CA is the one that is meant where none is named."""
    services = [
        InventoriedService.model_validate({"address": f"/house/{name}", "certificates": listed})
        for name, listed in certificates.items()
    ]
    return ClientCertificates(services, Tls(site_ca=CA))


def shown(credentials: Credentials) -> x509.Certificate:
    return load(credentials.certificate)


def test_a_name_and_a_fingerprint(authority: SiteAuthority) -> None:
    meter = authority.client("meter")
    services = known(
        tablet=[{"name": "tablet.house"}], meter=[{"fingerprint": fingerprint(meter)}], clock=[{"name": "Clock"}]
    )
    assert services.service_of(shown(authority.client("x", "tablet.house", "spare.house")), CA) == "/house/tablet"
    assert services.service_of(shown(meter), OTHER_CA) == "/house/meter"
    assert services.service_of(shown(authority.client("CLOCK")), CA) == "/house/clock"
    assert services.service_of(shown(authority.client("meter")), CA) is None, "another certificate of that name"


def test_a_name_counts_under_its_ca_alone(authority: SiteAuthority) -> None:
    services = known(tablet=[{"name": "tablet"}], phone=[{"name": "phone", "ca": str(OTHER_CA)}])
    assert services.service_of(shown(authority.client("tablet")), OTHER_CA) is None
    assert services.service_of(shown(authority.client("phone")), CA) is None
    assert services.service_of(shown(authority.client("phone")), OTHER_CA) == "/house/phone"
    assert services.service_of(shown(authority.client("phone")), Path("/etc/../etc/other.pem")) == "/house/phone"


def test_without_a_site_ca_a_name_without_a_ca_is_nobody_s(authority: SiteAuthority) -> None:
    service = InventoriedService.model_validate({"address": "/house/tablet", "certificates": [{"name": "tablet"}]})
    assert ClientCertificates([service], None).service_of(shown(authority.client("tablet")), CA) is None


def test_the_common_name_counts_only_where_there_is_no_other_name(authority: SiteAuthority) -> None:
    services = known(tablet=[{"name": "tablet"}])
    assert services.service_of(shown(authority.client("tablet")), CA) == "/house/tablet"
    assert services.service_of(shown(authority.client("tablet", "lamp.house")), CA) is None


def test_a_wildcard_and_a_letter_that_is_an_ascii_one_in_lower_case_are_no_names(authority: SiteAuthority) -> None:
    services = known(tablet=[{"name": "tablet.house"}], kitchen=[{"name": "kitchen"}])
    assert services.service_of(shown(authority.client("x", "*.house")), CA) is None
    assert services.service_of(shown(authority.client("\N{KELVIN SIGN}itchen")), CA) is None


def test_a_certificate_for_two_services_is_refused(authority: SiteAuthority) -> None:
    both = authority.client("x", "tablet.house", "phone.house")
    services = known(tablet=[{"name": "tablet.house"}], phone=[{"name": "phone.house"}])
    with pytest.raises(IdentityError, match="/house/phone and for /house/tablet"):
        services.service_of(shown(both), CA)


def test_a_knowledge_agent_s_certificate_is_no_service_s_whatever_the_inventory_says(authority: SiteAuthority) -> None:
    agent = authority.agent("agent1")
    services = known(tablet=[{"name": "agent1"}], phone=[{"fingerprint": fingerprint(agent)}])
    with pytest.raises(IdentityError, match="Knowledge Agent's"):
        services.service_of(shown(agent), CA)


def test_a_service_of_a_knowledge_agent_is_nobody_here_without_an_entry(authority: SiteAuthority) -> None:
    # The inventory has a service that is called like the id in the certificate: that is not the same.
    services = known(lightcontrol1=[])
    assert services.service_of(shown(authority.service("lightcontrol1")), CA) is None


def test_a_certificate_with_names_without_end_is_refused(authority: SiteAuthority) -> None:
    many = shown(authority.client("x", *(f"n{i}.house" for i in range(65))))
    with pytest.raises(IdentityError, match="more than 64 names"):
        names_of(many)
