"""A certificate that is good no more: live connections end at every worker, and no new ones begin."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

from tests.enforcement.conftest import LEARN, Bench

NODE = "/vsl/agent1/lightcontrol1/lightOn"
SECONDS = 30.0
"""By then a new list is in force, on the slowest machine."""


def test_live_connections_end_and_new_ones_are_refused(bench: Bench) -> None:
    crl = bench.directory / "site.crl"
    crl.write_bytes(bench.authority.revocation_list([]))
    settings = bench.settings
    settings["tls"]["crl"] = [str(crl)]
    settings["workers"] = 2
    for index, point in enumerate(settings["access_points"]):
        point["listen_port"] = 9101 + 2 * index
    bench.configure(LEARN, settings)
    stolen = bench.authority.service("lightcontrol1")
    healthy = bench.authority.service("lightcontrol2")
    with bench.gateway.running(), ExitStack() as stack:
        # The same certificate from several addresses, so that both workers have connections with it.
        victims = [stack.enter_context(bench.connect(stolen.client_context(), index=index)) for index in range(12)]
        other = stack.enter_context(bench.connect(healthy.client_context(), index=13))
        assert {victim.register("/lightControler") for victim in victims} == {200}
        assert other.register("/lightControler") == 200
        chains = [bench.gateway.audit / f"worker-{number}" / "journal.jsonl" for number in range(2)]
        bench.gateway.wait_for(lambda: all(b'"verdict"' in chain.read_bytes() for chain in chains))

        crl.write_bytes(bench.authority.revocation_list([stolen.certificate]))
        began = time.monotonic()
        for victim in victims:
            assert victim.receive(SECONDS) == b""
        assert time.monotonic() - began < SECONDS
        assert other.ask("GET", "/vsl/agent1/lightcontrol2/lightOn")[0] == 200
        before = bench.reached()
        with bench.connect(stolen.client_context(), index=1) as again:
            assert again.ask("GET", NODE)[0] == 403
        assert bench.reached() == before

        crl.write_bytes(b"half of a list")
        bench.gateway.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
        bench.gateway.wait_for(lambda: any("are broken" in str(r.get("sentence")) for r in bench.gateway.records()))
        with bench.connect(stolen.client_context(), index=1) as again:
            assert again.ask("GET", NODE)[0] == 403
        assert other.ask("GET", "/vsl/agent1/lightcontrol2/lightOn")[0] == 200
    refused = [verdict for verdict in bench.gateway.verdicts() if verdict["action"] == "block"]
    assert {verdict["reason"] for verdict in refused} == {"revoked-certificate"}
    told = [str(record["sentence"]) for record in bench.gateway.records() if record["kind"] == "revocation"]
    assert told[0] == "Other revocation lists are in force: 1 certificates of CN=site-ca are revoked."


def test_an_access_point_whose_certificate_is_revoked_is_not_called(bench: Bench) -> None:
    crl = bench.directory / "site.crl"
    revoked = bench.points.agents[0]
    crl.write_bytes(bench.authority.revocation_list([bench.directory / "site-ca" / "agent1-agent.pem"]))
    settings = bench.settings
    settings["tls"]["crl"] = [str(crl)]
    bench.configure(LEARN, settings)
    with bench.gateway.running():
        with bench.service("lightcontrol1") as service:
            assert service.ask("GET", NODE)[0] == 503
        assert revoked.requests == 0
        bench.gateway.wait_for(lambda: any(r["kind"] == "tls-refusal" for r in bench.gateway.records()))
        (refusal, *_) = [r for r in bench.gateway.records() if r["kind"] == "tls-refusal"]
        assert "CN=agent1" in refusal["sentence"]
        assert "is revoked" in refusal["sentence"]
        assert "CN=agent1" in bench.gateway.log()
        _a_connection_ends_with_its_certificate(bench)


def _a_connection_ends_with_its_certificate(bench: Bench) -> None:
    passing = bench.authority.passing("lightcontrol5", 10.0)
    with bench.connect(passing.client_context(), agent=1, index=3) as service:
        assert service.register("/lightControler") == 200
        assert service.receive(40.0) == b""
    bench.gateway.wait_for(lambda: any("has expired" in str(r.get("sentence")) for r in bench.gateway.records()))
