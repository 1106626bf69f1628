"""node-wot, the W3C's implementation of the Web of Things, as processes: Things, and services that use them."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.network.namespaces import Host

DIRECTORY = Path(__file__).parents[1] / "wot"
_SECONDS = 90.0
"""A machine that is busy with other tests takes its time to start Node.js."""

type Message = dict[str, Any]


def missing() -> str | None:
    """Return why node-wot cannot run here; None where it can."""
    if shutil.which("node") is None:
        return "there is no Node.js (packages.debian, section node)"
    if not (DIRECTORY / "node_modules" / "@node-wot" / "core").is_dir():
        return "node-wot is not installed: scripts/install-node-wot does it, where npm and a network are there"
    return None


class NodeProcess:
    """A script of tests/wot that is talked with in lines of JSON."""

    def __init__(self, host: Host, log: Path, script: str, *arguments: str) -> None:
        """Start it on a host; what it has to complain about goes to `log`."""
        node = shutil.which("node")
        assert node is not None
        with log.open("ab") as errors:
            self._process = host.popen(
                [node, str(DIRECTORY / script), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._log = log
        self._told: list[Message] = []
        self._news = threading.Condition()
        self._ended = False
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._told.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def told(self) -> list[Message]:
        """Everything that it has told."""
        with self._news:
            return list(self._told)

    def say(self, message: Message) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def wait_for(self, wanted: Callable[[Message], bool], seconds: float = _SECONDS) -> Message:
        """Return the first thing it tells that is wanted.

        Raises:
            RuntimeError: it does not tell it, with what it complained about.
        """
        with self._news:
            self._news.wait_for(lambda: self._ended or any(map(wanted, self._told)), seconds)
            found = next(filter(wanted, self._told), None)
        if found is None:
            raise RuntimeError(f"it told nothing of the kind: {self.told[-5:]}\n{self._log.read_text()[-2000:]}")
        return found


class Things(NodeProcess):
    """A servient with Things of tests/wot/things."""

    def __init__(self, host: Host, log: Path, url: str, names: Sequence[str]) -> None:
        """Start it and wait until it serves at `url`."""
        super().__init__(host, log, "servient.js", url, *names)
        self.url = url
        self.descriptions: list[Message] = self.wait_for(lambda message: "exposed" in message)["exposed"]

    def changed(self) -> list[tuple[str, str, Any]]:
        """Return what consumers changed: Thing, property or action, value."""
        changes = (each for each in self.told if "thing" in each)
        return [(each["thing"], each.get("wrote") or each["invoked"], each.get("value")) for each in changes]


class ThingError(Exception):
    """What node-wot's consumer makes of a call that failed."""


class Consumer(NodeProcess):
    """A service that uses Things."""

    def __init__(self, host: Host, log: Path, url: str) -> None:
        """Start it; `url` is where the Things are, each under its name."""
        super().__init__(host, log, "consumer.js")
        self.url = url
        self._ids = itertools.count(1)
        self.wait_for(lambda message: "ready" in message)

    def know(self, thing: str, description: Message) -> None:
        """Give it the description of a Thing, so that it does not ask for that."""
        number = next(self._ids)
        task = {"id": number, "do": "consume", "thing": f"{self.url}/{thing}", "description": description}
        self.say(task)
        self.wait_for(lambda message: message.get("id") == number)

    def do(self, what: str, thing: str, name: str = "", value: Any = None, **options: Any) -> Any:
        """Do something with a Thing, such as `read` its property `name`; return the value.

        Raises:
            ThingError: it failed.
        """
        number = next(self._ids)
        task = {"id": number, "do": what, "thing": f"{self.url}/{thing}", "name": name, "options": options or None}
        self.say(task | ({} if value is None else {"value": value}))
        answer = self.wait_for(lambda message: message.get("id") == number)
        if "error" in answer:
            raise ThingError(answer["error"])
        return answer["value"]
