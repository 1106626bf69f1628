"""What a hostile service tries beyond single calls: exhausting the gateway, and slipping out of a quarantine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from tests.enforcement.conftest import DENY_EVERYTHING, LEARN, Bench
from tests.enforcement.test_nothing_passes import CALLBACKS, GET
from tests.network.namespaces import Topology
from tests.site.gateway_process import AGENT_PORT, Settings

NODE = "/vsl/agent1/lightcontrol1/lightOn"
EVERYTHING_QUARANTINES: Settings = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}
MEGABYTE = 1_000_000
EMPTY_PING = b"\x89\x80\x00\x00\x00\x00"


def sent_until_cut(send: Callable[[bytes], None], piece: bytes, *, most: int) -> int:
    """Send a piece again and again; return how many bytes went out before the connection was cut."""
    count = 0
    try:
        while count < most:
            send(piece)
            count += len(piece)
    except OSError:
        pass
    return count


def test_a_header_without_end_is_cut_off(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running(), bench.service("lightcontrol1") as hostile:
        hostile.send(b"GET /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nX-Long: ")
        assert sent_until_cut(hostile.send, b"a" * 10_000, most=20 * MEGABYTE) < 10 * MEGABYTE
        with bench.service("lightcontrol2", index=1) as innocent:
            assert innocent.register("/lightControler") == 200


def test_a_client_hello_without_end_is_cut_off(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        raw = bench.topology.lan.connect(Topology.ACCESS_IPV4[0], AGENT_PORT, source=bench.topology.service_ipv4(0))
        record = bytes.fromhex("160301000101")
        assert sent_until_cut(raw.sendall, record * 100, most=20 * MEGABYTE) < 10 * MEGABYTE
        raw.close()
        with bench.service("lightcontrol2", index=1) as innocent:
            assert innocent.register("/lightControler") == 200
        bench.gateway.wait_for(lambda: any(r["kind"] == "tls-refusal" for r in bench.gateway.records()))
        assert all(len(str(r)) < 4096 for r in bench.gateway.records())


def test_a_certificate_is_quarantined_at_every_access_point_and_address(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.wait_for_types()
        with bench.service("lightcontrol1") as service:
            assert service.register("/lightControler") == 200
            types = {"/movementSensor": {"mode": "learn"}}
            bench.gateway.replace_policy(EVERYTHING_QUARANTINES | {"service_types": types})
            assert service.ask("GET", NODE)[0] == 403
        bench.gateway.replace_policy(LEARN)
        before = bench.points.agents[1].bytes_received
        with bench.service("lightcontrol1", agent=1, ipv6=True, index=5) as elsewhere:
            assert elsewhere.ask("GET", "/vsl/agent2")[0] == 403
        assert bench.points.agents[1].bytes_received == before
        bench.gateway.wait_for(lambda: bench.gateway.verdicts()[-1]["reason"] == "quarantined")


def test_an_innocent_at_the_same_address_is_not_cut_off(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running(), bench.service("movement1") as innocent, bench.service("lightcontrol1") as hostile:
        # The innocent has not asked for anything yet, but it is there.
        assert hostile.register("/lightControler") == 200
        types = {"/movementSensor": {"mode": "learn"}}
        bench.gateway.replace_policy(EVERYTHING_QUARANTINES | {"service_types": types})
        assert hostile.ask("GET", NODE)[0] == 403
        bench.gateway.wait_for(lambda: any(r["kind"] == "quarantine-added" for r in bench.gateway.records()))
        assert innocent.register("/movementSensor") == 200
        (added,) = [r for r in bench.gateway.records() if r["kind"] == "quarantine-added"]
    assert added["details"]["kernel"] == "none: other senders share the address"


def test_a_new_policy_reaches_channels_that_are_open(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running(), bench.service("lightcontrol1") as service:
        bench.wait_for_types()
        with bench.service("lightcontrol1") as other:
            assert other.register("/lightControler") == 200
        service.send(CALLBACKS)
        assert b" 101 " in service.receive()
        bench.gateway.replace_policy(DENY_EVERYTHING)
        time.sleep(0.3)
        before = bench.reached()
        with contextlib.suppress(OSError):
            service.send(EMPTY_PING)
            service.send(EMPTY_PING)
        assert service.receive(1) == b""
        assert bench.reached() == before


def test_a_wish_to_close_is_followed(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running(), bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200
        service.send(GET.replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n"))
        assert b" 200 " in service.receive()
        assert service.tls.recv(1) == b""
