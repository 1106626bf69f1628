"""`make demo-wot`: Things of the W3C Web of Things are learnt and then defended, with the W3C's own implementation.

node-wot's servient serves the Things, node-wot's consumers use them, in network namespaces of this process; nothing is
left behind. Only event time is scaled: models, thresholds, policy and the gateway are those that are shipped.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.network.namespaces import Host, IsolationError, Topology
from tests.site.calls import Tally
from tests.site.demo import shipped_policy
from tests.site.demo_report import conclude
from tests.site.demo_wot_report import Attack, WotResult
from tests.site.gateway_process import GatewayProcess
from tests.site.house_of_things import ADDRESS, PORT, RESIDENTS, HouseOfThings, Kind
from tests.site.live_view import AuditTail, LiveView
from tests.site.web_of_things import Consumer, ThingError, Things, missing

SCALE = 30.0
"""One minute of the demonstration is half an hour of the house."""
LEARNING_SECONDS = 60.0
QUIET_SECONDS = 8.0
"""Enforcement without attacks, before the first and after the last."""
PAUSE_SECONDS = 1.0
REFRESH_SECONDS = 0.2
ATTEMPTS = 10
MOST_OF_A_FLOOD, AFTER_A_FLOOD = 2000, 50
"""Calls until it is to be noticed, and from then on."""
CUT_OFF = 3
"""So many calls in a row that nobody answers: the kernel drops the attacker."""
_TOO_HOT = 99
"""Of a thermostat that takes 30 at most."""
_GUESSED = ("/admin", "/config.json", "/lamp/firmware", "/things/all", "/lamp/properties/secret", "/.env")


class Life(threading.Thread):
    """What a service does in everyday life, until it ends."""

    def __init__(self, consumer: Consumer, kind: Kind) -> None:
        super().__init__(daemon=True)
        self._consumer = consumer
        self._kind = kind
        self._over = threading.Event()
        self.tally = Tally()

    def run(self) -> None:
        """Live."""
        turn, period = 0, self._kind.period / SCALE
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            for habit in self._kind.habits:
                self._count(lambda habit=habit, turn=turn: habit(self._consumer, turn))  # type: ignore[misc]
            turn += 1
            due = max(due + period, time.monotonic())

    def _count(self, call: Callable[[], object]) -> None:
        self.tally.calls += 1
        try:
            call()
        except ThingError as error:
            if "Forbidden" in str(error):
                self.tally.refused += 1
            else:
                self.tally.failed += 1
        else:
            self.tally.answered += 1

    def end(self) -> None:
        """End it, after the call that it is at."""
        self._over.set()
        self.join()


class WotDemonstration:
    """One run, from an empty gateway to the table."""

    def __init__(self, topology: Topology, directory: Path) -> None:
        """Put everything on its hosts."""
        self._house = HouseOfThings(topology, directory, RESIDENTS)
        self._gateway = GatewayProcess(directory / "gateway", topology.gateway, scale=SCALE)
        settings = self._house.gateway(self._gateway.state)
        self._gateway.write(settings, shipped_policy("learn"), self._house.inventory())
        self._view = LiveView(AuditTail(self._gateway.audit))
        self._things: Things
        self._consumers: dict[str, Consumer] = {}
        self._lives: dict[str, Life] = {}

    def run(self) -> WotResult:
        """Learn, enforce, be attacked, and sum up."""
        say = self._view.say
        self._things = self._house.start_things()
        titles = ", ".join(str(each["title"]) for each in self._things.descriptions)
        say(f"node-wot serves Things at {ADDRESS}:{PORT}: {titles}.", "note")
        self._gateway.start()
        say("The gateway has fetched their Thing Descriptions; it has never seen anybody use them.", "note")
        for name, kind in RESIDENTS.items():
            self._consumers[name] = self._house.start(name)
            self._lives[name] = Life(self._consumers[name], kind)
        self._consumers["panel1"].do("observe", "thermostat", "target")
        for life in self._lives.values():
            life.start()
        say(f"{len(RESIDENTS)} services use them by node-wot's consumer. Learning for {LEARNING_SECONDS:.0f} s ...")
        self._live(LEARNING_SECONDS)
        before = {name: life.tally + Tally() for name, life in self._lives.items()}
        self._gateway.replace_policy(shipped_policy("enforce"))
        self._view.update()
        self._view.enforcing = True
        # Another policy ends what an earlier one let open; node-wot leaves it to its user to observe again.
        observed = self._observed()
        self._consumers["panel1"].do("observe", "thermostat", "target")
        say("Enforcing. First nothing but everyday life ...", "note")
        self._live(QUIET_SECONDS)
        changed_before = len(self._things.changed())
        attacks = self._attacked()
        say("... and everyday life goes on.", "note")
        self._live(QUIET_SECONDS)
        for life in self._lives.values():
            life.end()
        legitimate = sum((life.tally - before[name] for name, life in self._lives.items()), Tally())
        things = self._known()
        self._gateway.stop()
        self._view.update()
        return WotResult(
            things=things,
            attacks=attacks,
            legitimate=legitimate.calls,
            wrongly_blocked=legitimate.denied + legitimate.failed,
            changed_by_attackers=[
                f"{thing} {name}"
                for thing, name, value in self._things.changed()[changed_before:]
                if (thing, name) == ("lamp", "brightness") or value == _TOO_HOT
            ],
            observed=self._observed() - observed,
            quarantined=[str(record["details"]["address"]) for record in self._view.quarantines],
            audit_intact=self._verified(),
        )

    def close(self) -> None:
        """End what still runs."""
        if self._gateway.process is not None:
            self._gateway.kill()

    def _live(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, REFRESH_SECONDS))
            self._view.update()

    def _observed(self) -> int:
        return sum(message.get("observed") == "target" for message in self._consumers["panel1"].told)

    def _attacked(self) -> list[Attack]:
        """Let each attack happen, by a service that is under somebody's control from then on."""
        return [
            self._attack("an unusual consumer writes", "concierge1", self._unusual),
            self._attack("a value outside its range", "climate2", self._too_hot),
            self._attack("a scan", "logger1", self._scan),
            self._attack("a flood", "panel2", self._flood, at_first=False),
        ]

    def _attack(
        self, what: str, name: str, carry_out: Callable[[str, Attack], None], *, at_first: bool = True
    ) -> Attack:
        attack = Attack(what, self._house.address(name), at_first=at_first)
        self._view.say(f"Attack: {what}, by {attack.attacker}", "good")
        self._view.attackers.add(attack.attacker)
        # What it did before was legitimate, and is what it counts for.
        self._lives[name].end()
        carry_out(name, attack)
        self._live(PAUSE_SECONDS)
        return attack

    def _unusual(self, name: str, attack: Attack) -> None:
        # Who breaks in has read the description elsewhere: what is refused is the write.
        lamp = next(each for each in self._things.descriptions if each["title"] == "Lamp")
        self._consumers[name].know("lamp", lamp)
        for number in range(ATTEMPTS):
            self._try(attack, lambda number=number: self._write(name, "lamp", "brightness", number))  # type: ignore[misc]

    def _too_hot(self, name: str, attack: Attack) -> None:
        for _ in range(ATTEMPTS):
            self._try(attack, lambda: self._write(name, "thermostat", "target", _TOO_HOT))

    def _write(self, name: str, thing: str, prop: str, value: Any) -> bool:
        try:
            self._consumers[name].do("write", thing, prop, value=value)
        except ThingError:
            return False
        return True

    def _scan(self, name: str, attack: Attack) -> None:
        # What it reads every day is no attack.
        usual = ("/weather/properties/temperature", "/weather/properties/history")
        found = (
            str(form["href"]).removeprefix(f"http://{ADDRESS}:{PORT}").partition("{")[0]
            for description in self._things.descriptions
            for affordance in (*description["properties"].values(), *description.get("actions", {}).values())
            for form in affordance["forms"]
        )
        paths = [path for path in dict.fromkeys(found) if path not in usual and not path.startswith("/urn")]
        self._asked(name, attack, [*_GUESSED, *paths])

    def _flood(self, name: str, attack: Attack) -> None:
        while attack.first is None and len(attack.refused) < MOST_OF_A_FLOOD:
            self._asked(name, attack, ["/lamp/properties/on"])
        self._asked(name, attack, ["/lamp/properties/on"] * AFTER_A_FLOOD)

    def _asked(self, name: str, attack: Attack, paths: list[str]) -> None:
        silent = 0
        for path in paths:
            status = get(self._house.hosts[name], path)
            silent = silent + 1 if status is None else 0
            self._try(attack, lambda status=status: status is not None and status < 400)  # type: ignore[misc]
            if silent == CUT_OFF:
                return

    def _try(self, attack: Attack, passes: Callable[[], bool]) -> None:
        attack.refused.append(not passes())
        self._view.update()

    def _known(self) -> int:
        status = json.loads((self._gateway.state / "status.json").read_bytes())
        return int(status["things"]["things"]["things"])

    def _verified(self) -> bool:
        program = Path(sys.executable).with_name("alleyes")
        command = [str(program), "audit", "verify", "--config", str(self._gateway.config)]
        return self._gateway.host.run(command, check=False).returncode == 0


def get(host: Host, path: str) -> int | None:
    """Ask for a path from a host; return the status of the answer, None where there is none."""
    try:
        with host.connect(ADDRESS, PORT, timeout=2.0) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {ADDRESS}:{PORT}\r\nConnection: close\r\n\r\n".encode())
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status
    except (OSError, http.client.HTTPException):
        return None


def main() -> int:
    """Run the demonstration; return 0 only if every attack was blocked and the house could live."""
    if (lacks := missing()) is not None:
        print(f"make demo-wot cannot run here: {lacks}", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="alleyes-demo-wot-") as directory, Topology() as topology:
            demonstration = WotDemonstration(topology, Path(directory))
            try:
                result = demonstration.run()
            finally:
                demonstration.close()
    except IsolationError as reason:
        print(f"make demo-wot cannot run here: {reason}", file=sys.stderr)
        return 2
    return conclude(result, "Every attack was blocked, and the house could live.")


if __name__ == "__main__":
    sys.exit(main())
