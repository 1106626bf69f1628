"""A site on hosts of its own with its gateway in front of it, as one of several."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from models.simulation.floorplan import Floorplan
from models.simulation.intrusion import Intrusion
from models.simulation.tempo import BRISK
from tests.network.namespaces import Topology
from tests.network.wide_area import WideArea
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.certificates import SiteAuthority
from tests.site.clock import Clock
from tests.site.gateway_process import AGENT_PORT, FIRST_LISTEN_PORT, GatewayProcess, Settings, gateway_settings
from tests.site.live_view import AuditTail, LiveView
from tests.site.network import Hosts, Place
from tests.site.site import VirtualSite

ALLEYES = str(Path(sys.executable).with_name("alleyes"))
_FIRST_AGENT = 11
"""Last number of the first access point's address."""
_REFRESH_SECONDS = 0.2
_QUIET_SECONDS = 15.0
"""Several sites have much to tell."""
_TEMPO = msgspec.structs.replace(BRISK, registration_window=20_000)
"""A site that joins is complete within a minute."""


@dataclass
class GuardedSite:
    """One site: its services and access points live in this process, its gateway in processes of its own."""

    name: str
    floorplan: Floorplan
    topology: Topology
    directory: Path
    clock: Clock
    attacks: Sequence[Intrusion] = ()
    """Those that are to come: who installs the newcomers among the attackers tells the operator in which room."""
    seed: int = 1
    gateway: GatewayProcess = field(init=False)
    view: LiveView = field(init=False)
    life: VirtualSite = field(init=False)

    def __post_init__(self) -> None:
        """Make the hosts ready; `install` and `move_in` do the rest."""
        self._authority = SiteAuthority(self.directory)
        known = set(self.floorplan.services)
        newcomers = [each.attacker for each in self.attacks if each.attacker not in known]
        self._services = (*self.floorplan.services, *newcomers)
        addresses = self._agent_addresses()
        more = [f"{address}/24" for address in addresses.values() if address not in Topology.ACCESS_IPV4]
        self.topology.access.add_addresses("eth0", more)
        agents = {name: Place(address, self.topology.access.socket) for name, address in addresses.items()}
        services = {
            each.id: Place(self.topology.service_ipv4(index), self.topology.lan.socket)
            for index, each in enumerate(self._services)
        }
        self._hosts = Hosts(agents, services)

    def _agent_addresses(self) -> dict[str, str]:
        network = Topology.ACCESS_IPV4[0].rpartition(".")[0]
        return {name: f"{network}.{_FIRST_AGENT + index}" for index, name in enumerate(self.floorplan.agents)}

    def install(self, folder: str, policy: Settings, federation: Settings | None = None) -> None:
        """Put a new gateway in place, which knows nothing; not started yet.

        Args:
            folder: of its files, within the site's directory.
            policy: policy.yaml.
            federation: the section of gateway.yaml; its link to the service is on the access points' side, where
                nothing goes that services send.
        """
        self.gateway = GatewayProcess(
            self.directory / folder,
            self.topology.gateway,
            scale=self.clock.scale,
            start_time=self.clock.start,
            since=self.clock.began,
        )
        settings = gateway_settings(self._authority, self.gateway.state)
        settings["access_points"] = [
            {
                "agent": name,
                "ipv4": address,
                "port": AGENT_PORT,
                "listen_port": FIRST_LISTEN_PORT + index,
                "tls": "required",
            }
            for index, (name, address) in enumerate(self._agent_addresses().items())
        ]
        if federation is not None:
            settings["interfaces"]["access_points"].append(WideArea.UPLINK)
            settings["federation"] = federation
        rooms = [{"address": each.address, "location": each.location} for each in self._services]
        self.gateway.write(settings, policy, {"services": rooms})
        self.view = LiveView(
            AuditTail(self.gateway.audit), name=self.name, began=self.clock.began, quiet=_QUIET_SECONDS
        )

    async def move_in(self) -> None:
        """Let access points serve, which no service has registered with yet."""
        self.life = VirtualSite(
            self.directory,
            self._hosts,
            self.clock,
            floorplan=self.floorplan,
            authority=self._authority,
            tempo=_TEMPO,
            seed=self.seed,
        )
        await self.life.start_agents()

    def run(self, *arguments: str, typed: str = "") -> str:
        """Run an `alleyes` command on the gateway's machine with its configuration; return what it printed.

        Args:
            arguments: Of the command.
            typed: What it is answered when it asks; never by the terminal that this process may have.
        """
        argv = [ALLEYES, *arguments, "--config", str(self.gateway.config)]
        return self.topology.gateway.run(argv, input=f"{typed}\n", start_new_session=True).stdout

    def federation_status(self) -> str:
        """Return what `alleyes status` says of how old what others know is, in one line."""
        lines = self.run("status").splitlines()
        return next((line for line in lines if line.startswith("federation:")), "")

    def audit_intact(self) -> bool:
        """Return whether `alleyes audit verify` finds nothing wrong."""
        argv = [ALLEYES, "audit", "verify", "--config", str(self.gateway.config)]
        return self.topology.gateway.run(argv, check=False).returncode == 0

    async def watch(self, seconds: float) -> None:
        """Let it live, and show what is interesting."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _REFRESH_SECONDS))
            self.view.update()

    async def suffer(self, attack: Intrusion, lasting: float) -> AttackReport:
        """Let an attack happen for `lasting` ms of event time, and show what becomes of it."""
        self.view.attackers.add(attack.attacker.address)
        carried_out = asyncio.create_task(self.life.attack(attack, lasting))
        while not carried_out.done():
            await self.watch(_REFRESH_SECONDS)
        return await carried_out

    def legitimate(self) -> Tally:
        """Return what became of all calls of services that were healthy at the time."""
        return self.life.legitimate()

    def shut_out_wrongly(self) -> list[str]:
        """Return the healthy services that were put into quarantine."""
        senders = {str(record["details"]["address"]) for record in self.view.quarantines}
        return sorted(senders - self.view.attackers)

    async def leave(self) -> None:
        """End services and access points."""
        await self.life.stop()

    async def stop(self) -> None:
        """End the gateway; services and access points are to have left."""
        await asyncio.to_thread(self.gateway.stop)
        self.view.update()

    def close(self) -> None:
        """End the gateway, if it still runs."""
        if hasattr(self, "gateway") and self.gateway.process is not None:
            self.gateway.kill()
