"""`make demo-federation`: what sites have learnt protects another from its first minutes, also when nobody is there.

Two sites and a global federation service run as processes of their own, in network namespaces of this process; nothing
is left behind. Only event time is scaled: models, thresholds, policy and all programs are those that are shipped.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.simulation.attacks import seven_attacks
from models.simulation.catalogue import PAPER
from models.simulation.floorplan import Floorplan
from models.simulation.intrusion import Intrusion
from models.simulation.paper_attacks import AttackClass
from models.simulation.scenario import START
from models.simulation.sites import make_sites
from proxy.firewall.nftables import Firewall
from tests.network.namespaces import IsolationError, Topology
from tests.network.wide_area import WideArea
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.clock import Clock
from tests.site.demo import shipped_policy
from tests.site.demo_federation_report import Compared, FederationResult, Joined, Merged, Outage
from tests.site.demo_report import NAMES, conclude
from tests.site.federation_ledger import Bodies, Ledger, at_the_service, sent, told, weight
from tests.site.federation_process import PORT, FederationProcess
from tests.site.guarded_site import GuardedSite
from tests.site.live_view import AuditTail, LiveView

SCALE = 30.0
"""One minute of the demonstration is half an hour of the sites."""
SITES, SITES_SEED = 2, 8
"""Site A is the first of so many simulated sites, a home; site B the other one, a house. The seed makes them small."""
MOST_SERVICES = 32
"""Of one site, newcomers included."""
ELSEWHERE = "site-c"
HISTORY = 13 * 3_600_000
"""Milliseconds of event time for which site C, which nobody sees, has learnt when the demonstration begins."""
LEARNING_SECONDS = 50.0
ALONE_SECONDS = 6.0
"""Life at site B alone before the first attack."""
JOINING_SECONDS = 120.0
"""After that, a site that joined will never come to enforce."""
QUIET_SECONDS = 5.0
"""Enforcement without attacks."""
PAUSE_SECONDS = 0.5
REFRESH_SECONDS = 0.2
OUTAGE_SECONDS = 8.0
MERGING_SECONDS = 90.0
"""After that, what was not merged will never be."""
SETTLING_SECONDS = 60.0
SEED = 17
"""Of the attacks. In this draw the flood is of a call that its sender always makes, and the probing is a text where a
number belongs, as in `make demo`."""
STRENGTHS = {AttackClass.DENIAL_OF_SERVICE.value: 100.0}
ATTACK_LASTS = 90_000
"""Milliseconds of event time for which an attack goes on at most."""
DRAWS = 50
"""How often an attack is drawn until its attacker is a new one."""
OUTAGE_ATTACKS = (AttackClass.MALICIOUS_OPERATION, AttackClass.SPYING)
"""One at each site, in the first time without the service and in the second."""


class FederationDemonstration:
    """One run, from empty machines to the table."""

    def __init__(self, wide: WideArea, topologies: Sequence[Topology], directory: Path) -> None:
        """Put sites, gateways and the service on the hosts."""
        self._wide = wide
        self._directory = directory
        self._clock = Clock(SCALE, start=START + HISTORY)
        self._say = LiveView(AuditTail(directory / "none"), began=self._clock.began).say
        self._service = FederationProcess(directory / "service", wide.service, WideArea.SERVICE_IPV4, self._clock)
        home, house = make_sites(SITES, SITES_SEED)
        self._attacks = seven_attacks(house, SEED, STRENGTHS)
        self._a = GuardedSite("A", home, topologies[0], directory / "a", self._clock)
        self._b = GuardedSite("B", house, topologies[1], directory / "b", self._clock, attacks=self._attacks)
        self._sites = (self._a, self._b)
        taken = [each.attacker.address for each in self._attacks]
        self._further = {"A": further_attacks(home, ()), "B": further_attacks(house, taken)}
        """At each site, one for each time without the service."""
        for topology in topologies:
            wide.join(topology)

    async def run(self) -> FederationResult:
        """Let everything happen, and sum up."""
        await self._found()
        elsewhere = self._site_elsewhere()
        _, alone = await asyncio.gather(self._learn(), self._alone())
        if await asyncio.to_thread(elsewhere.wait) != 0:
            raise RuntimeError("site C could not contribute what it knows")
        before = {"A": await self._enforce()}
        joined = await self._join()
        before["B"] = self._b.legitimate()
        await self._live(QUIET_SECONDS)
        federated = await self._attacked()
        cut = await self._without("link down", self._wide.cut, self._wide.mend, 0)
        killed = await self._without("killed", self._service.kill, self._service.start, 1)
        merged = await self._settled()
        kept_out = await asyncio.to_thread(self._kept_out)
        legitimate = {site.name: site.legitimate() - before[site.name] for site in self._sites}
        for site in self._sites:
            await site.leave()
            await site.stop()
        self._service.stop()
        return FederationResult(
            joined=joined,
            attacks=[Compared(*pair) for pair in zip(alone, federated, strict=True)],
            outages=[cut, killed],
            merged=merged,
            legitimate=legitimate,
            shut_out={site.name: site.shut_out_wrongly() for site in self._sites},
            audit_intact={site.name: site.audit_intact() for site in self._sites},
            kept_out=kept_out,
        )

    def close(self) -> None:
        """End what still runs."""
        for site in self._sites:
            site.close()
        if self._service.process is not None:
            self._service.kill()

    async def _found(self) -> None:
        """Start the global service, and let site A join, which nobody has told anything yet."""
        self._say(f"A global federation service starts, at {self._service.url}.", "note")
        # An event minute lasts two seconds here, and each origin publishes all its types in each.
        self._service.write(limits={"requests_per_second": 20 * SCALE, "burst": 10_000})
        await asyncio.to_thread(self._service.start)
        await self._a.move_in()
        await asyncio.to_thread(self._equip, self._a, "learn")
        self._a.life.start_services()

    def _equip(self, site: GuardedSite, mode: str) -> None:
        """Give a site a gateway that knows nothing and is in the federation, as its operators would."""
        origin = origin_of(site)
        token = self._service.invite(origin)
        self._say(f"On the service's machine: alleyes federation invite {origin}")
        site.install("gateway", shipped_policy(mode), {"service": self._service.url})
        self._say(f"On the gateway of site {site.name}: alleyes federation enroll --service {self._service.url}")
        site.run("federation", "enroll", "--service", self._service.url, typed=token)
        site.gateway.start()

    def _site_elsewhere(self) -> subprocess.Popen[bytes]:
        """Start what contributes for a third site, which has been there for longer."""
        arguments = {
            "seed": SITES_SEED,
            "start": START,
            "end": START + HISTORY,
            "service": self._service.url,
            "token": self._service.invite(ELSEWHERE),
            "directory": self._directory / "c",
        }
        options = [f"--{name}={value}" for name, value in arguments.items()]
        host = self._wide.attach(ELSEWHERE)
        return host.popen(["nice", sys.executable, "-m", "tests.site.elsewhere", *options])

    async def _learn(self) -> None:
        """Let site A live until its gateway has learnt what is normal."""
        self._say(
            f"Site A, {described(self._a.floorplan)}, learns for {LEARNING_SECONDS:.0f} s, which are"
            f" {LEARNING_SECONDS * SCALE / 60:.0f} minutes of its time. A site C, elsewhere, contributes what it has"
            f" learnt in {HISTORY // 3_600_000} hours.",
            "note",
        )
        await self._a.watch(LEARNING_SECONDS)

    async def _alone(self) -> list[AttackReport]:
        """Let site B live alone and be attacked, and forget it all."""
        site = self._b
        site.install("alone", shipped_policy("auto"))
        await site.move_in()
        await asyncio.to_thread(site.gateway.start)
        site.life.start_services()
        await site.watch(ALONE_SECONDS)
        self._say(
            f"For comparison site B, {described(site.floorplan)}, alone with a new gateway (mode auto): seven attacks."
            " Nothing is enforced yet, as its gateway knows too little.",
            "note",
        )
        reports = [await site.suffer(attack, ATTACK_LASTS) for attack in self._attacks]
        await site.leave()
        await site.stop()
        denied, calls = sum(each.tally.denied for each in reports), sum(each.tally.calls for each in reports)
        self._say(f"  {denied} of their {calls} calls were blocked. All that this gateway knew is thrown away.")
        return reports

    async def _enforce(self) -> Tally:
        """Let the gateway of site A enforce; return the calls until then."""
        before = self._a.legitimate()
        await asyncio.to_thread(self._a.gateway.replace_policy, shipped_policy("enforce"))
        self._a.view.update()
        self._a.view.enforcing = True
        self._say(f"Site A has seen {self._a.view.verdicts} calls, and enforces from now on.", "note")
        return before

    async def _join(self) -> Joined:
        """Let site B join with nothing, and see how long it takes until its gateway enforces."""
        site = self._b
        self._say("Site B joins the federation with an empty gateway, in mode auto.", "note")
        await site.move_in()
        await asyncio.to_thread(self._equip, site, "auto")
        here = {service.type for service in site.floorplan.services}
        began = datetime.now(UTC)
        site.life.start_services()
        deadline = time.monotonic() + JOINING_SECONDS
        while not here <= site.view.enforced.keys() and time.monotonic() < deadline:
            await self._live(REFRESH_SECONDS)
        site.view.enforcing = True
        seconds = None
        if here <= site.view.enforced.keys():
            seconds = (max(site.view.enforced[name] for name in here) - began).total_seconds()
        others, own = told(site.gateway.state), sent(site.gateway.state)
        joined = Joined(
            seconds=seconds,
            scale=SCALE,
            types=len(others.keys() | own.keys()),
            here=len(here),
            own=sum(weight(name, body) for name, body in own.items()),
            others=sum(each.model.weight for each in others.values()),
        )
        for line in joined.lines():
            self._say(line.strip(), "good")
        self._say("On the gateway of site B: alleyes federation status")
        for line in (await asyncio.to_thread(site.run, "federation", "status")).splitlines():
            print(f"         {line}")
        return joined

    async def _attacked(self) -> list[AttackReport]:
        """Let the same seven attacks happen at site B again."""
        reports = []
        for attack in self._attacks:
            self._say(f"Attack at site B: {NAMES[attack.label]}, by {attack.attacker.address}", "good")
            reports.append(await self._beside(self._b.suffer(attack, ATTACK_LASTS), self._a))
            await self._live(PAUSE_SECONDS)
        return reports

    async def _without(self, what: str, lose: Callable[[], object], restore: Callable[[], object], turn: int) -> Outage:
        """Let both sites live, and be attacked, while the global service is away, and wait until all is merged."""
        self._say(f"The global service is lost: {what}.", "note")
        before = {site.name: site.legitimate() for site in self._sites}
        began = time.monotonic()
        await asyncio.to_thread(lose)
        await self._live(OUTAGE_SECONDS / 3)
        attacks = [self._further[site.name][turn] for site in self._sites]
        for site, attack in zip(self._sites, attacks, strict=True):
            self._say(f"Attack at site {site.name}: {NAMES[attack.label]}, by {attack.attacker.address}", "good")
        reports = await asyncio.gather(
            *(site.suffer(attack, ATTACK_LASTS) for site, attack in zip(self._sites, attacks, strict=True))
        )
        await self._live(max(PAUSE_SECONDS, OUTAGE_SECONDS + began - time.monotonic()))
        lines = await asyncio.gather(*(asyncio.to_thread(site.federation_status) for site in self._sites))
        legitimate = {site.name: site.legitimate() - before[site.name] for site in self._sites}
        seconds = time.monotonic() - began
        held = at_the_service(self._service.database)
        await asyncio.to_thread(restore)
        outage = Outage(
            what=what,
            seconds=seconds,
            legitimate=legitimate,
            attacks={site.name: report for site, report in zip(self._sites, reports, strict=True)},
            told={site.name: line for site, line in zip(self._sites, lines, strict=True)},
            merged_after=await self._merged_again(held),
        )
        for line in outage.lines():
            self._say(line.strip(), "note")
        return outage

    async def _merged_again(self, before: Bodies) -> float | None:
        """Wait until both sites have contributed anew since it was `before`, and have what follows; return how long."""
        began = time.monotonic()
        live = {origin_of(site) for site in self._sites}
        ledger = self._ledger()
        while (seconds := time.monotonic() - began) < MERGING_SECONDS:
            held = at_the_service(self._service.database)
            anew = all(held.get(key) != body for key, body in before.items() if key[1] in live)
            if anew and ledger.agreed():
                return seconds
            await self._live(REFRESH_SECONDS)
        return None

    def _ledger(self) -> Ledger:
        return Ledger(
            self._service.database, {site.name: (origin_of(site), site.gateway.state) for site in self._sites}
        )

    async def _settled(self) -> list[Merged]:
        """Return what is in force, of each type at a moment at which nothing was on its way if there is one."""
        ledger = self._ledger()
        rows: dict[str, Merged] = {}
        deadline = time.monotonic() + SETTLING_SECONDS
        while True:
            for row in ledger.look():
                if row.service_type not in rows or not settled(rows[row.service_type]):
                    rows[row.service_type] = row
            if all(map(settled, rows.values())) or time.monotonic() > deadline:
                return list(rows.values())
            await self._live(REFRESH_SECONDS / 2)

    def _kept_out(self) -> bool:
        """Let a service of site B try to reach the global service; return whether its gateway drops that."""
        before = self._dropped()
        try:
            self._b.topology.lan.connect(WideArea.SERVICE_IPV4, PORT, timeout=1.0).close()
        except OSError:
            return self._dropped() > before
        return False

    def _dropped(self) -> int:
        with self._b.topology.gateway.entered():
            return Firewall().counters()["bypass"].packets

    async def _live(self, seconds: float) -> None:
        await asyncio.gather(*(site.watch(seconds) for site in self._sites))

    async def _beside(self, attack: Coroutine[Any, Any, AttackReport], other: GuardedSite) -> AttackReport:
        """Let an attack happen at one site while the other is watched as well."""
        task = asyncio.create_task(attack)
        while not task.done():
            await other.watch(REFRESH_SECONDS)
        return await task


def settled(row: Merged) -> bool:
    """Return whether nothing of a service type was on its way when it was looked at."""
    return all(found.settled for found in row.in_force.values())


def origin_of(site: GuardedSite) -> str:
    """Return what a site is called in the federation."""
    return f"site-{site.name.lower()}"


def described(floorplan: Floorplan) -> str:
    """Return how large a site is, in words."""
    rooms = {service.location for service in floorplan.services}
    return f"{len(floorplan.services)} services in {len(rooms)} rooms on {len(floorplan.agents)} Knowledge Agents"


def further_attacks(site: Floorplan, taken: Collection[str]) -> list[Intrusion]:
    """Return one attack for each time without the service, by services that have not attacked before."""
    source = random.Random(f"{SEED} further")
    attackers = set(taken)
    chosen = []
    for name in OUTAGE_ATTACKS:
        kind = PAPER[name]
        draws = (kind.recipe(site, kind.strength, source) for _ in itertools.repeat(None, DRAWS))
        attack = next(each for each in draws if each.attacker.address not in attackers)
        attackers.add(attack.attacker.address)
        chosen.append(attack)
    return chosen


def main() -> int:
    """Run the demonstration; return 0 only if all of it held."""
    try:
        with ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="alleyes-demo-federation-"))
            wide = stack.enter_context(WideArea())
            topologies = [stack.enter_context(Topology(services=MOST_SERVICES)) for _ in ("A", "B")]
            demonstration = FederationDemonstration(wide, topologies, Path(directory))
            stack.callback(demonstration.close)
            result = asyncio.run(demonstration.run())
    except IsolationError as reason:
        print(f"make demo-federation cannot run here: {reason}", file=sys.stderr)
        return 2
    return conclude(
        result, "Site B was protected by what others had learnt, and nobody missed the service while it was away."
    )


if __name__ == "__main__":
    sys.exit(main())
