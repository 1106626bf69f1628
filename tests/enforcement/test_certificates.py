"""Who is let in on either side of the TLS connections, and who is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.enforcement.conftest import LEARN, Bench
from tests.network.namespaces import Topology
from tests.site.certificates import Credentials, SiteAuthority
from tests.site.gateway_process import AGENT_PORT
from tests.site.knowledge_agent.agent import KnowledgeAgent

NODE = "/vsl/agent1/lightcontrol1/lightOn"


def _tls_refusals(bench: Bench) -> list[Mapping[str, Any]]:
    """Return what the audit log has so far of handshakes that failed."""
    return [record for record in bench.gateway.records() if record["kind"] == "tls-refusal"]


def _other_authority(bench: Bench) -> SiteAuthority:
    directory = bench.directory / "elsewhere"
    directory.mkdir(exist_ok=True)
    return SiteAuthority(directory, name="other-ca")


FORGERIES: dict[str, tuple[Callable[[Bench], Credentials], str]] = {
    "self-signed with the right name": (lambda bench: bench.authority.self_signed("lightcontrol1"), "self-signed"),
    "of another CA": (lambda bench: _other_authority(bench).service("lightcontrol1"), "issuer"),
    "expired": (lambda bench: bench.authority.service("lightcontrol1", expired=True), "expired"),
}
"""What is shown, and a word of why it is refused."""


def _trusting(bench: Bench, credentials: Credentials) -> ssl.SSLContext:
    """Return a context that shows these credentials and trusts the site's CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(bench.authority.certificate)
    context.load_cert_chain(credentials.certificate, credentials.key)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_certificate_of_a_service(learning: Bench, forgery: str, version: ssl.TLSVersion) -> None:
    before = learning.reached()
    made, why = FORGERIES[forgery]
    context = _trusting(learning, made(learning))
    context.minimum_version = context.maximum_version = version
    try:
        with learning.connect(context) as service:
            assert service.ask("GET", NODE)[0] == 0
    except OSError:
        pass
    assert learning.reached() == before
    learning.gateway.wait_for(lambda: any(why in str(refusal) for refusal in _tls_refusals(learning)))


def test_no_certificate(learning: Bench) -> None:
    before = learning.reached()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(learning.authority.certificate)
    with learning.connect(context) as service:
        assert service.ask("GET", NODE)[0] == 403
    assert learning.reached() == before
    learning.gateway.wait_for(lambda: "no-certificate" in [v["reason"] for v in learning.gateway.verdicts()])


def test_a_knowledge_agent_s_certificate_may_not_act_for_services(learning: Bench) -> None:
    before = learning.reached()
    with learning.connect(learning.authority.agent("agent9").client_context()) as service:
        assert service.ask("GET", NODE)[0] == 403
    assert learning.reached() == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_not_resumed(learning: Bench, version: ssl.TLSVersion) -> None:
    context = _trusting(learning, learning.authority.service("lightcontrol1"))
    context.minimum_version = context.maximum_version = version
    with learning.connect(context) as first:
        assert first.register("/lightControler") == 200
        session = first.tls.session
    # Were it resumed, nobody would look at the certificate again.
    raw = learning.topology.lan.connect("10.77.2.11", 8081)
    try:
        with context.wrap_socket(raw, session=session) as second:
            assert not second.session_reused
    except ssl.SSLError:
        raw.close()


def _impostor(bench: Bench, in_place_of: KnowledgeAgent, credentials: Credentials) -> KnowledgeAgent:
    """Let agent1's address be served by somebody else."""
    impostor = KnowledgeAgent("agent1", credentials)

    async def swap() -> None:
        await in_place_of.close()
        await asyncio.sleep(0.05)
        addresses = (Topology.ACCESS_IPV4[0], Topology.ACCESS_IPV6[0])
        await impostor.serve([bench.topology.access.listen(address, AGENT_PORT) for address in addresses])

    bench.points.call(swap())
    return impostor


UPSTREAM: dict[str, Callable[[Bench], Credentials]] = {
    "a service's certificate of the right CA": lambda bench: bench.authority.impostor("agent1"),
    "another agent's certificate": lambda bench: bench.authority.agent("agent2"),
    "an agent's certificate of another CA": lambda bench: _other_authority(bench).agent("agent1"),
}


def test_impostors_in_an_access_point_s_place(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running(), bench.service("lightcontrol1") as service:
        bench.wait_for_types()
        assert service.register("/lightControler") == 200
        there = bench.points.agents[0]
        for who, credentials in UPSTREAM.items():
            there = impostor = _impostor(bench, there, credentials(bench))
            with bench.service("lightcontrol1") as again:
                assert again.ask("PUT", NODE, {"value": "1"})[0] in {0, 503}, who
            assert impostor.connections > 0, who
            assert impostor.requests == 0, who
        bench.gateway.wait_for(lambda: len(_tls_refusals(bench)) >= len(UPSTREAM))
        bench.points.call(there.close())
