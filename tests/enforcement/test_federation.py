"""A gateway in a federation: it scores by what others know, and whatever becomes of the service, calls go on."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.simulation.scenario import START
from models.simulation.service_models import DOOR_LOCK, LIGHT_CONTROLLER, MOVEMENT_SENSOR, THERMOSTAT
from models.simulation.sites import make_sites
from proxy.federation.client.database import FILE
from proxy.federation.client.enrolment import enrol
from tests.enforcement.conftest import LEARN, Bench
from tests.network.namespaces import Host
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import COMMAND, HOST, Place
from tests.site.elsewhere import learnt as learnt_at
from tests.site.gateway_process import Settings

LIGHT = "/lightControler"
NODE = "/vsl/agent1/lightcontrol1/lightOn"
MINUTES_A_SECOND = 60.0
ENFORCE: Settings = {"mode": "enforce", "thresholds": {"quarantine": None}}
"""Nobody is shut out, so that everybody can be asked again."""
MODELS = {
    "doorlock1": DOOR_LOCK,
    "lightcontrol1": LIGHT_CONTROLLER,
    "heating1": THERMOSTAT,
    "movement1": MOVEMENT_SENSOR,
}
CALLS: tuple[tuple[str, tuple[Any, ...], int], ...] = (
    ("lightcontrol1", ("GET", "/vsl/agent1/movement1/movement"), 200),
    ("doorlock1", ("PUT", "/vsl/agent1/heating1", {"value": "0"}), 403),
)
"""Each with what becomes of it where what others know is in force."""
CALLS_SECONDS = 3.0
PATIENCE = 6.0
"""Seconds that a call may take longer on a busy machine; to wait for the service would take ten and more."""

type Behaviour = Callable[[ssl.SSLSocket, threading.Event], None]
"""What a service does on a connection once a call has come."""


def state(bench: Bench) -> dict[str, Any]:
    """What the gateway says of itself."""
    found: dict[str, Any] = json.loads((bench.gateway.state / "status.json").read_bytes())
    return found


def known(bench: Bench) -> int:
    """Instance-minutes of light controllers that the workers score by."""
    return int(state(bench)["service_types"].get(LIGHT, {}).get("instance_minutes", 0))


def test_what_others_know_is_used_and_losing_them_stops_nothing(bench: Bench) -> None:
    place = Place(bench.directory / "service")
    service = f"https://127.0.0.1:{place.port}"
    with place.serving():
        assert place.member("site-x").contribute(learnt(LIGHT, weight=1000)).status == 204
        asyncio.run(enrol(service, place.invite("gateway-a"), bench.gateway.state / "federation"))
    bench.gateway.scale = MINUTES_A_SECOND
    bench.configure(LEARN, bench.settings | {"federation": {"service": service}})
    federate = [sys.executable, "-P", "-c", COMMAND, "--config", str(place.config)]
    serving = bench.topology.gateway.popen(federate, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        bench.gateway.start()
        bench.wait_for_types()
        with bench.service("lightcontrol1") as light:
            assert light.register(LIGHT) == 200
            assert light.ask("GET", NODE)[0] == 200
            bench.gateway.wait_for(lambda: known(bench) > 1000)
            bench.gateway.wait_for(lambda: state(bench)["federation"]["contributions"] > 0)
            assert state(bench)["federation"]["models"][LIGHT]["sites"] == 1
            assert (bench.gateway.state / FILE).stat().st_mode & 0o777 == 0o600

            serving.send_signal(signal.SIGKILL)
            serving.wait()
            bench.gateway.wait_for(lambda: state(bench)["federation"]["troubles"])
            assert light.ask("GET", NODE)[0] == 200
        assert bench.gateway.stop() == 0
        bench.gateway.start()
        bench.gateway.wait_for(lambda: known(bench) > 1000)
        assert state(bench)["federation"]["heard"] == 0, "it is the last good model, from the disk"
        assert bench.gateway.stop() == 0
    finally:
        if serving.poll() is None:
            serving.kill()
            serving.wait()
    with place.serving():
        other = place.member("site-y").others(LIGHT).elsewhere
        assert other is not None
        assert other.origins == 2, "site-x, and this gateway, once"
        assert other.model.weight > 1000


@contextmanager
def instead(host: Host, place: Place, behaviour: Behaviour) -> Iterator[list[str]]:
    """Serve at the service's place, with its certificate, but as a test has it; give the calls that came."""
    issued, key = place.authority.issue_server([HOST], time.time(), 86_400)
    file = place.directory / "hostile.pem"
    file.write_bytes(issued.pem.encode() + place.authority.pem.encode() + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    came: list[str] = []
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(1)
            with context.wrap_socket(connection, server_side=True) as secure:
                while not ended.is_set():
                    came.append(secure.recv(65_536).partition(b"\r\n")[0].decode(errors="replace"))
                    behaviour(secure, ended)

    with host.listen(HOST, place.port) as listening, ThreadPoolExecutor(16) as threads:

        def accept() -> None:
            listening.settimeout(0.2)
            while not ended.is_set():
                with suppress(TimeoutError):
                    threads.submit(serve, listening.accept()[0])

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield came
        finally:
            ended.set()
            accepting.join()


def dripping(secure: ssl.SSLSocket, ended: threading.Event) -> None:
    """Begin an answer, and never end it."""
    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
    while not ended.wait(0.1):
        secure.sendall(b" ")


def flooding(secure: ssl.SSLSocket, ended: threading.Event) -> None:
    """Answer everything at once, with as many bytes as are taken, which mean nothing."""
    secure.sendall(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: "1"\r\nTransfer-Encoding: chunked\r\n\r\n'
    )
    part = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    while not ended.is_set():
        secure.sendall(part)


def test_calls_are_judged_without_waiting_whatever_the_service_does(bench: Bench) -> None:
    place = Place(bench.directory / "service")
    with place.serving():
        known = place.member("site-x")
        for model in learnt_elsewhere().values():
            assert known.contribute(Contribution(epoch=1, sequence=1, model=model)).status == 204
        service = f"https://{HOST}:{place.port}"
        asyncio.run(enrol(service, place.invite("gateway-a"), bench.gateway.state / "federation"))
    bench.gateway.scale = MINUTES_A_SECOND
    bench.configure(ENFORCE, bench.settings | {"federation": {"service": service}})
    federate = [sys.executable, "-P", "-c", COMMAND, "--config", str(place.config)]
    serving = bench.topology.gateway.popen(federate, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        bench.gateway.start()
        bench.wait_for_types()
        for index, (name, service_type) in enumerate(MODELS.items()):
            with bench.service(name, index=index) as other:
                assert other.register(service_type) == 200
        bench.gateway.wait_for(lambda: {DOOR_LOCK, LIGHT_CONTROLLER} <= state(bench)["federation"]["models"].keys())
        usual = longest(bench)

        serving.kill()
        serving.wait()
        for behaviour in (dripping, flooding):
            with instead(bench.topology.gateway, place, behaviour) as came:
                bench.gateway.wait_for(lambda came=came: came, 60)
                assert longest(bench) < usual + PATIENCE, behaviour.__name__
                assert came
    finally:
        if serving.poll() is None:
            serving.kill()
            serving.wait()
    assert bench.gateway.stop() == 0


def longest(bench: Bench) -> float:
    """Have calls made for some seconds: what others know to be usual is forwarded, the rest is refused.

    Returns:
        The seconds that the slowest one took, with its connection.
    """
    slowest, until = 0.0, time.monotonic() + CALLS_SECONDS
    names = list(MODELS)
    while time.monotonic() < until:
        for name, call, expected in CALLS:
            began = time.monotonic()
            with bench.service(name, index=names.index(name)) as service:
                assert service.ask(*call)[0] == expected
            slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.2)
    return slowest


def learnt_elsewhere() -> Mapping[str, CommunicationModel]:
    return learnt_at(make_sites(1, 1)[0], seed=1, start=START, end=START + 2 * 3_600_000).models()
