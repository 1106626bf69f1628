"""The demonstration's two hard cases of identity: an access point without TLS, and a host that several services share.

Where nobody has a certificate, a service is known by its link and network address, which the kernel holds together.
Where several services share an address, it tells nothing, and certificates do.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service
from models.simulation.intrusion import SECOND, Intrusion, repeated
from models.simulation.paper_attacks import AttackClass
from models.simulation.service_models import BATTERY, LIGHT_CONTROLLER, MOVEMENT_SENSOR, TEMPERATURE_SENSOR
from proxy.firewall.nftables import Firewall
from tests.network.namespaces import Host, Topology
from tests.site.calls import Tally
from tests.site.gateway_process import AGENT_PORT, FIRST_LISTEN_PORT, Settings
from tests.site.network import Place

PLAIN_AGENT = "agent3"
PLAIN_ADDRESS = "10.77.2.13"
_CELLAR = "Cellar"
_FIRST_HOST = 200
_FORGER_HOST = 220
SHARING = 3
"""Services of the shared host, the subverted one included."""


def cellar() -> tuple[Service, ...]:
    """Return the services of the plain access point; each is a device of its own."""
    movement = Service("movement9", PLAIN_AGENT, MOVEMENT_SENSOR, _CELLAR)
    temperature = Service("tempin9", PLAIN_AGENT, TEMPERATURE_SENSOR, _CELLAR)
    partners = (movement.address, temperature.address)
    light = Service("lightcontrol9", PLAIN_AGENT, LIGHT_CONTROLLER, _CELLAR, partners)
    return movement, temperature, light, Service("battery5", PLAIN_AGENT, BATTERY, _CELLAR)


def subverted_light(seed: int) -> Intrusion:
    """Return an attack from the cellar: the light controller writes what the movement sensor tells."""
    movement, _, light, _ = cellar()
    call = (Operation.SET, f"{movement.address}/movement", "1")
    steps = repeated(random.Random(f"{seed} cellar"), [call], 120, 20 * SECOND)
    return Intrusion(label=AttackClass.MALICIOUS_OPERATION, attacker=light, steps=steps)


class PlainHosts:
    """The devices in the cellar, on the services' network, and who pretends to be one of them."""

    def __init__(self, topology: Topology) -> None:
        """Attach them."""
        topology.access.add_addresses("eth0", [f"{PLAIN_ADDRESS}/24"])
        self._topology = topology
        self.hosts: dict[str, Host] = {}
        """By service address."""
        self.places: dict[str, Place] = {}
        """By client id."""
        for index, service in enumerate(cellar()):
            ip = f"10.77.1.{_FIRST_HOST + index}"
            host = topology.attach(service.id, [ip], mac=f"02:00:5e:00:53:{index:02x}")
            self.hosts[service.address] = host
            self.places[service.id] = Place(ip, host.socket)

    def access_point(self) -> Settings:
        """Return what gateway.yaml says of the access point; its port follows those of the others."""
        return {
            "agent": PLAIN_AGENT,
            "ipv4": PLAIN_ADDRESS,
            "port": AGENT_PORT,
            "listen_port": FIRST_LISTEN_PORT + 2,
            "tls": "plain",
        }

    def inventory(self) -> list[Settings]:
        """Return what inventory.yaml says of the devices."""
        return [
            {
                "address": service.address,
                "location": service.location,
                "ip": self.places[service.id].address,
                "mac": self.hosts[service.address].mac("eth0"),
            }
            for service in cellar()
        ]

    def forged_call_passes(self) -> bool:
        """Let another device call from the movement sensor's network address; return whether it is let in."""
        forger = self._topology.attach("forger", [f"10.77.1.{_FORGER_HOST}"])
        # It tells nobody of the address it takes, so that the owner of the address notices nothing.
        forger.sysctl("net/ipv4/conf/all/arp_ignore", "8")
        stolen = self.places[cellar()[0].id].address
        forger.add_addresses("eth0", [f"{stolen}/32"])
        try:
            forger.connect(PLAIN_ADDRESS, AGENT_PORT, source=stolen, timeout=1.0).close()
        except OSError:
            return False
        return True

    def forged_packets(self) -> int:
        """Return how many packets the kernel has dropped for their link address."""
        with self._topology.gateway.entered():
            return Firewall().counters()["forged_sender"].packets


def neighbours(site: Floorplan, attacker: Service, attackers: frozenset[str]) -> tuple[Service, ...]:
    """Return healthy services of the attacker's access point that are to share its host."""
    healthy = (each for each in site.services if each.agent == attacker.agent and each.address not in attackers)
    lively = [each for each in healthy if each.type in {MOVEMENT_SENSOR, LIGHT_CONTROLLER, TEMPERATURE_SENSOR}]
    return tuple(lively[: SHARING - 1])


@dataclass(frozen=True)
class PlainReport:
    """What came of the access point without TLS."""

    strengths: frozenset[str]
    """How the senders of all calls there were known."""
    legitimate: Tally
    """Calls of its healthy services while the gateway enforced."""
    forged_call_passed: bool
    forged_packets: int

    def failures(self) -> list[str]:
        """Return what did not go as it must."""
        found = []
        if self.strengths != {"mac-and-ip"}:
            found.append(f"services of {PLAIN_AGENT} were known by {', '.join(sorted(self.strengths)) or 'nothing'}")
        if not self.legitimate.answered:
            found.append(f"services of {PLAIN_AGENT} could not work")
        if self.forged_call_passed or not self.forged_packets:
            found.append(f"a device with a forged address got through to {PLAIN_AGENT}")
        return found

    def lines(self) -> list[str]:
        """Return what is told of it."""
        known_by = ", ".join(sorted(self.strengths))
        fate = "got through" if self.forged_call_passed else "dropped by nftables"
        return [
            f"  {PLAIN_AGENT} speaks no TLS; its {len(cellar())} services are known by {known_by}:",
            f"    legitimate calls: {self.legitimate.calls}, of which answered: {self.legitimate.answered}",
            f"    another device with the address of one of them: {fate}, {self.forged_packets} packets",
        ]


@dataclass(frozen=True)
class SharedReport:
    """What came of the host that several services share."""

    ip: str
    subverted: str
    """Address of the service that attacks."""
    refused: int
    """Calls of it that did not pass."""
    neighbours: Mapping[str, Tally]
    """Calls of the healthy ones from the attack on, by address."""
    quarantined: frozenset[str]
    """Addresses of all quarantined senders."""
    in_kernel: bool
    """Whether the kernel drops the host."""

    def failures(self) -> list[str]:
        """Return what did not go as it must."""
        found = []
        if not self.refused:
            found.append(f"{self.subverted} was not refused on its shared host")
        if self.in_kernel:
            found.append(f"the kernel drops {self.ip}, which healthy services share")
        for address, tally in self.neighbours.items():
            if not tally.answered or tally.silent or address in self.quarantined:
                found.append(f"{address} suffers for what {self.subverted} did on its host")
        return found

    def lines(self) -> list[str]:
        """Return what is told of it."""
        return [
            f"  three services share {self.ip}; the kernel drops {'it' if self.in_kernel else 'none of them'}:",
            f"    {self.subverted:<26} subverted: {self.refused} calls refused",
            *(
                f"    {address:<26} healthy: {tally.calls} calls since then, {tally.answered} answered"
                for address, tally in self.neighbours.items()
            ),
        ]
