"""Sites and the machine of a federation service, as far as packets go."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from proxy.firewall.commands import InstallTable
from proxy.firewall.nftables import Firewall
from tests.network.gateway import PLAN
from tests.network.namespaces import Host, Topology
from tests.network.wide_area import WideArea
from tests.waiting import eventually

PORT = 8470


def reaches(host: Host) -> bool:
    try:
        host.connect(WideArea.SERVICE_IPV4, PORT, timeout=0.5).close()
    except OSError:
        return False
    return True


def install(topology: Topology) -> None:
    """Put the gateway's table in place, as for a gateway whose link to the service is on the access points' side."""
    plan = msgspec.structs.replace(PLAN, access_interfaces=(Topology.ACCESS_INTERFACE, WideArea.UPLINK))
    with topology.gateway.entered():
        Firewall().apply(InstallTable(plan))


@pytest.mark.usefixtures("isolated")
def test_gateways_reach_the_service_and_services_do_not_until_it_is_cut_off() -> None:
    with WideArea() as wide, Topology() as first, Topology() as second, wide.service.listen(wide.SERVICE_IPV4, PORT):
        addresses = [wide.join(site) for site in (first, second)]
        assert len(set(addresses)) == len(addresses)
        # A way back, so that it is the table alone that keeps services out.
        wide.service.ip("route", "add", "10.77.1.0/24", "via", addresses[0])
        eventually(lambda: reaches(first.lan))
        for site in (first, second):
            install(site)
            eventually(partial(reaches, site.gateway))
            assert not reaches(site.lan)
        wide.cut()
        assert not reaches(first.gateway)
        wide.mend()
        eventually(lambda: reaches(first.gateway))
        eventually(lambda: reaches(second.gateway))
