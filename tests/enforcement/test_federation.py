"""A gateway in a federation: it scores by what others know, and whatever becomes of the service, calls go on."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import Any

from proxy.federation.client.database import FILE
from proxy.federation.client.enrolment import enrol
from tests.enforcement.conftest import LEARN, Bench
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import COMMAND, Place

LIGHT = "/lightControler"
NODE = "/vsl/agent1/lightcontrol1/lightOn"
MINUTES_A_SECOND = 60.0


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
            bench.gateway.wait_for(lambda: known(bench) > 1000, 30)
            bench.gateway.wait_for(lambda: state(bench)["federation"]["contributions"] > 0, 30)
            assert state(bench)["federation"]["models"][LIGHT]["sites"] == 1
            assert (bench.gateway.state / FILE).stat().st_mode & 0o777 == 0o600

            serving.send_signal(signal.SIGKILL)
            serving.wait()
            bench.gateway.wait_for(lambda: state(bench)["federation"]["troubles"], 30)
            assert light.ask("GET", NODE)[0] == 200
        assert bench.gateway.stop() == 0
        bench.gateway.start()
        bench.gateway.wait_for(lambda: known(bench) > 1000, 30)
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
