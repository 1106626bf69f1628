"""`make demo`: a legacy IoT site is learnt and then defended, with real packets, real TLS and real nftables.

Everything happens in network namespaces of this process; nothing is left behind. Only event time is scaled: models,
thresholds and the gateway are those that are shipped.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import yaml

from models.descriptor import MINUTE
from models.simulation.attacks import seven_attacks
from models.simulation.floorplan import Floorplan, Service, family_home
from models.simulation.paper_attacks import AttackClass
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER
from models.table import table
from proxy.firewall.nftables import Firewall
from tests.network.namespaces import IsolationError, Topology
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.certificates import SiteAuthority
from tests.site.clock import Clock
from tests.site.demo_identity import (
    PLAIN_ADDRESS,
    PLAIN_AGENT,
    PlainHosts,
    PlainReport,
    SharedReport,
    cellar,
    neighbours,
    subverted_light,
)
from tests.site.demo_report import NAMES, Quarantined, Result, conclude
from tests.site.gateway_process import GatewayProcess, Settings, gateway_settings
from tests.site.live_view import AuditTail, LiveView
from tests.site.network import Hosts, Place
from tests.site.site import VirtualSite

SCALE = 60.0
"""One minute of the demonstration is an hour of the site."""
LEARNING_SECONDS = 70.0
QUIET_SECONDS = 8.0
"""Enforcement without attacks, before the first and after the last."""
PAUSE_SECONDS = 1.0
REFRESH_SECONDS = 0.2
SEED = 6
"""Of the attacks: who attacks, and in which of its class's variants.

In this draw the flood is of a call that its sender always makes, and the probing is a text where a number belongs. The
other probing pretends to a type; the gateway takes types from the access point, and would see an empty value.
"""
STRENGTHS = {AttackClass.DENIAL_OF_SERVICE.value: 300.0}
"""Of the others the catalogue's own."""
ATTACK_LASTS = 170_000
"""Milliseconds of event time for which an attack goes on at most."""
SHIPPED_POLICY = Path(__file__).parents[2] / "config" / "policy.yaml"


def shipped_policy(mode: str) -> Settings:
    """Return the shipped policy in another mode."""
    policy: Settings = yaml.safe_load(SHIPPED_POLICY.read_text(encoding="utf-8"))
    return policy | {"mode": mode}


def inventory(services: Iterable[Service]) -> list[Settings]:
    """Return what an operator knows: in which room each service is."""
    return [{"address": each.address, "location": each.location} for each in services]


class Demonstration:
    """One run, from an empty machine to the table."""

    def __init__(self, topology: Topology, directory: Path) -> None:
        """Put site and gateway on the hosts of a topology."""
        self._topology = topology
        home = family_home()
        self._floorplan = Floorplan((*home.services, *cellar()))
        self._attacks = (*seven_attacks(home, SEED, STRENGTHS), subverted_light(SEED))
        # The one that is set up for the wrong room moves in later. Who installs it tells the operator where it is.
        attackers = (attack.attacker for attack in self._attacks)
        known = (*home.services, *(each for each in attackers if each not in self._floorplan.services))
        self._plain = PlainHosts(topology)
        authority = SiteAuthority(directory)
        self._gateway = GatewayProcess(directory / "gateway", topology.gateway, scale=SCALE, start_time=START)
        settings = gateway_settings(authority, self._gateway.state)
        settings["access_points"].append(self._plain.access_point())
        listed = {"services": [*inventory(known), *self._plain.inventory()]}
        self._gateway.write(settings, shipped_policy("learn"), listed)
        agents = {
            name: Place(Topology.ACCESS_IPV4[index], topology.access.socket) for index, name in enumerate(home.agents)
        }
        services = {
            service.id: Place(topology.service_ipv4(index), topology.lan.socket) for index, service in enumerate(known)
        }
        self._sharing = self._attacks[0]
        """The attack by a service that shares its host with two others."""
        attacking = frozenset(attack.attacker.address for attack in self._attacks)
        self._neighbours = neighbours(home, self._sharing.attacker, attacking)
        self._shared_place = services[self._sharing.attacker.id]
        services |= {each.id: self._shared_place for each in self._neighbours}
        self._site = VirtualSite(
            directory,
            Hosts(agents | {PLAIN_AGENT: Place(PLAIN_ADDRESS, topology.access.socket)}, services | self._plain.places),
            Clock(SCALE, start=START),
            floorplan=self._floorplan,
            authority=authority,
            plain={PLAIN_AGENT},
        )
        self._neighbours_before: dict[str, Tally] = {}
        self._view = LiveView(AuditTail(self._gateway.audit))

    async def run(self) -> Result:
        """Learn, enforce, be attacked, and sum up."""
        say = self._view.say
        await self._site.start_agents()
        self._gateway.start()
        rooms = {service.location for service in self._floorplan.services}
        say(
            f"{len(self._floorplan.services)} services in {len(rooms)} rooms talk to"
            f" {len(self._floorplan.agents)} Knowledge Agents, through the gateway. It has never seen them.",
            "note",
        )
        self._site.start_services()
        await self._learn()
        self._show_model(LIGHT_CONTROLLER)
        before, plain_before = self._site.legitimate(), self._plain_calls()
        await asyncio.to_thread(self._gateway.replace_policy, shipped_policy("enforce"))
        self._view.update()
        self._view.enforcing = True
        say("Enforcing. First nothing but the everyday life of the site ...", "note")
        await self._live(QUIET_SECONDS)
        reports = await self._attacked()
        say("... and everyday life goes on.", "note")
        await self._live(QUIET_SECONDS)
        forged = await asyncio.to_thread(self._plain.forged_call_passes)
        legitimate = self._site.legitimate() - before
        plain = self._plain_calls() - plain_before
        kernel = self._kernel_entries()
        await self._site.stop()
        self._gateway.stop()
        self._view.update()
        known_by = frozenset(
            strength
            for address, strengths in self._view.strengths.items()
            if address in self._plain.hosts
            for strength in strengths
        )
        strangers = {address for address in self._view.strengths if address.startswith("ip:")}
        plain_report = PlainReport(
            strengths=known_by | {f"nothing ({each})" for each in strangers},
            legitimate=plain,
            forged_call_passed=forged,
            forged_packets=self._plain.forged_packets(),
        )
        return self._result(reports, legitimate, kernel, plain_report)

    def close(self) -> None:
        """End what still runs."""
        if self._gateway.process is not None:
            self._gateway.kill()

    async def _learn(self) -> None:
        say = self._view.say
        say(
            f"Learning for {LEARNING_SECONDS:.0f} s, which are {LEARNING_SECONDS * SCALE / 60:.0f} minutes of the site."
        )
        steps = 7
        for _ in range(steps):
            seen, calls = self._view.would_be_refused, self._view.verdicts
            await self._live(LEARNING_SECONDS / steps)
            minutes = (self._site.clock.event_now() - START) / 60_000
            say(
                f"  {minutes:3.0f} minutes of the site, {self._view.verdicts} calls seen,"
                f" {self._view.would_be_refused - seen} of the last {self._view.verdicts - calls} would be refused"
            )

    def _show_model(self, service_type: str) -> None:
        models = self._gateway.models()
        self._view.say(f"What services of type {service_type} normally do, for a human and for any other site:", "note")
        for line in table(models[service_type], self._site.clock.event_now() // MINUTE).splitlines():
            print(f"         {line}")

    async def _attacked(self) -> list[AttackReport]:
        reports = []
        for attack in self._attacks:
            attacker = attack.attacker.address
            self._view.say(f"Attack: {NAMES[attack.label]}, by {attacker}", "good")
            self._view.attackers.add(attacker)
            if attack is self._sharing:
                self._neighbours_before = self._neighbour_calls()
                ip, names = self._shared_place.address, ", ".join(each.address for each in self._neighbours)
                self._view.say(f"It shares the host {ip} with {names}, which are healthy.", "note")
            carried_out = asyncio.create_task(self._site.attack(attack, ATTACK_LASTS))
            while not carried_out.done():
                await self._live(REFRESH_SECONDS)
            reports.append(await carried_out)
            await self._live(PAUSE_SECONDS)
        return reports

    async def _live(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, REFRESH_SECONDS))
            self._view.update()

    def _kernel_entries(self) -> list[str]:
        with self._topology.gateway.entered():
            entries = Firewall().entries()
        return [f"{entry.mac} . {entry.ip}" if entry.mac else entry.ip for entry in entries]

    def _plain_calls(self) -> Tally:
        live = (each for address, each in self._site.services.items() if address in self._plain.hosts)
        return sum((each.tally for each in live), Tally())

    def _neighbour_calls(self) -> dict[str, Tally]:
        return {
            each.address: msgspec.structs.replace(self._site.services[each.address].tally) for each in self._neighbours
        }

    def _shared(self, reports: list[AttackReport], quarantined: list[Quarantined], kernel: list[str]) -> SharedReport:
        attacker = self._sharing.attacker.address
        after = self._neighbour_calls()
        ip = self._shared_place.address
        return SharedReport(
            ip=ip,
            subverted=attacker,
            refused=sum(report.tally.denied for report in reports if report.attacker == attacker),
            neighbours={address: after[address] - self._neighbours_before[address] for address in after},
            quarantined=frozenset(each.identity for each in quarantined),
            in_kernel=any(entry.rpartition(" ")[2] == ip for entry in kernel),
        )

    def _result(self, reports: list[AttackReport], legitimate: Tally, kernel: list[str], plain: PlainReport) -> Result:
        verified = self._topology.gateway.run(
            [str(Path(sys.executable).with_name("alleyes")), "audit", "verify", "--config", str(self._gateway.config)],
            check=False,
        )
        quarantined = [
            Quarantined(str(record["details"]["address"]), str(record["details"]["kernel"]))
            for record in self._view.quarantines
        ]
        return Result(
            attacks=reports,
            legitimate=legitimate,
            quarantined=quarantined,
            kernel_entries=kernel,
            audit=(verified.stdout.strip() or verified.stderr.strip()).replace(f"{self._gateway.audit}/", ""),
            audit_intact=verified.returncode == 0,
            plain=plain,
            shared=self._shared(reports, quarantined, kernel),
        )


def main() -> int:
    """Run the demonstration; return 0 only if every attack was blocked and the site could live."""
    assert set(NAMES) == set(AttackClass)
    try:
        with tempfile.TemporaryDirectory(prefix="alleyes-demo-") as directory, Topology(services=40) as topology:
            demonstration = Demonstration(topology, Path(directory))
            try:
                result = asyncio.run(demonstration.run())
            finally:
                demonstration.close()
    except IsolationError as reason:
        print(f"make demo cannot run here: {reason}", file=sys.stderr)
        return 2
    return conclude(result, "Every class of attack was blocked, and the site could live.")


if __name__ == "__main__":
    sys.exit(main())
