"""Fail mode open with the real gateway: calls pass only while it is really gone, and are judged again afterwards."""

from __future__ import annotations

import json
import os
import signal
import time

from cryptography import x509

from proxy.identity import common_name
from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.raw_service import BRIEF
from tests.waiting import eventually

NODE = "/vsl/agent1/search"


def told(bench: Bench) -> list[str]:
    """Return what the audit log says of calls that pass unjudged."""
    return [record["sentence"] for record in bench.gateway.records() if record["kind"] == "unjudged"]


def answering(bench: Bench) -> str | None:
    """Return who answers a call of a service, by the certificate that it sees: the access point itself, or the gateway.

    None where nobody does soon.
    """
    try:
        with bench.service("lightcontrol1", patience=BRIEF) as service:
            shown = service.tls.getpeercert(binary_form=True)
            if shown is None or service.ask("GET", NODE)[0] == 0:
                return None
            return common_name(x509.load_der_x509_certificate(shown))
    except OSError:
        return None


def direct(bench: Bench) -> bool:
    """Tell whether a service's call reaches the access point itself."""
    return answering(bench) == "agent1"


def judged(bench: Bench) -> bool:
    """Tell whether a service's call is answered by way of the gateway."""
    return answering(bench) == "gateway"


def test_calls_are_judged_while_it_serves_pass_while_it_is_gone_and_are_judged_again(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    bench.gateway.start()
    bench.wait_for_types()
    eventually(lambda: judged(bench))
    bench.gateway.kill()
    eventually(lambda: direct(bench))
    with bench.service("lightcontrol1") as unjudged:
        assert unjudged.ask("GET", NODE)[0] != 0
        bench.gateway.start()
        assert unjudged.ask("GET", NODE, seconds=BRIEF)[0] == 0, "what passed unjudged does not go on"
    eventually(lambda: judged(bench))
    bench.gateway.stop()


def test_a_worker_that_hangs_is_as_one_that_is_gone_until_it_is_started_again(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    bench.gateway.start()
    bench.wait_for_types()
    worker = json.loads((bench.gateway.state / "status.json").read_bytes())["workers"][0]["pid"]
    eventually(lambda: judged(bench))
    os.kill(worker, signal.SIGSTOP)
    eventually(lambda: direct(bench))
    # Silent for ten seconds, it is killed and another one started.
    eventually(lambda: judged(bench), 60.0)
    bench.gateway.wait_for(
        lambda: (
            ["pass unjudged" in each for each in told(bench)][-2:] == [True, False]
            and "judged again" in told(bench)[-1]
        )
    )
    assert any(record["kind"] == "broken" for record in bench.gateway.records())
    bench.gateway.stop()


def test_who_is_quarantined_stays_so_while_the_gateway_is_gone(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    bench.gateway.start()
    bench.wait_for_types()
    with bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200
        bench.gateway.replace_policy({"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}})
        assert service.ask("GET", NODE)[0] == 403
    bench.gateway.wait_for(lambda: any(r["kind"] == "quarantine-added" for r in bench.gateway.records()))
    bench.gateway.kill()
    reached = bench.reached_in_the_end()
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert answering(bench) is None
    assert bench.reached() == reached
