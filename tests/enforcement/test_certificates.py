"""Who is let in on either side of the TLS connections, and who is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest

from tests.enforcement.conftest import LEARN, Bench
from tests.network.namespaces import Topology
from tests.site.certificates import Credentials, SiteAuthority
from tests.site.gateway_process import AGENT_PORT
from tests.site.knowledge_agent.agent import KnowledgeAgent

NODE = "/vsl/agent1/lightcontrol1/lightOn"


def _other_authority(bench: Bench) -> SiteAuthority:
    directory = bench.directory / "elsewhere"
    directory.mkdir()
    return SiteAuthority(directory, name="other-ca")


FORGERIES: dict[str, Callable[[Bench], Credentials]] = {
    "self-signed with the right name": lambda bench: bench.authority.self_signed("lightcontrol1"),
    "of another CA": lambda bench: _other_authority(bench).service("lightcontrol1"),
    "expired": lambda bench: bench.authority.service("lightcontrol1", expired=True),
}


def _trusting(bench: Bench, credentials: Credentials) -> ssl.SSLContext:
    """Return a context that shows these credentials and trusts the site's CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(bench.authority.certificate)
    context.load_cert_chain(credentials.certificate, credentials.key)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_certificate_of_a_service(bench: Bench, forgery: str, version: ssl.TLSVersion) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        context = _trusting(bench, FORGERIES[forgery](bench))
        context.minimum_version = context.maximum_version = version
        try:
            with bench.connect(context) as service:
                assert service.ask("GET", NODE)[0] == 0
        except OSError:
            pass
        assert bench.reached() == before
        bench.gateway.wait_for(lambda: any(r["kind"] == "tls-refusal" for r in bench.gateway.records()))


def test_no_certificate(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(bench.authority.certificate)
        with bench.connect(context) as service:
            assert service.ask("GET", NODE)[0] == 403
        assert bench.reached() == before
        bench.gateway.wait_for(lambda: [v["reason"] for v in bench.gateway.verdicts()] == ["no-certificate"])


def test_a_knowledge_agent_s_certificate_may_not_act_for_services(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        with bench.connect(bench.authority.agent("agent9").client_context()) as service:
            assert service.ask("GET", NODE)[0] == 403
        assert bench.reached() == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_not_resumed(bench: Bench, version: ssl.TLSVersion) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        context = _trusting(bench, bench.authority.service("lightcontrol1"))
        context.minimum_version = context.maximum_version = version
        with bench.connect(context) as first:
            assert first.register("/lightControler") == 200
            session = first.tls.session
        # Were it resumed, nobody would look at the certificate again.
        raw = bench.topology.lan.connect("10.77.2.11", 8081)
        try:
            with context.wrap_socket(raw, session=session) as second:
                assert not second.session_reused
        except ssl.SSLError:
            raw.close()


def _impostor(bench: Bench, credentials: Credentials) -> KnowledgeAgent:
    """Let agent1's address be served by somebody else."""
    impostor = KnowledgeAgent("agent1", credentials)

    async def swap() -> None:
        await bench.points.agents[0].close()
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


@pytest.mark.parametrize("who", UPSTREAM)
def test_impostor_in_an_access_point_s_place(bench: Bench, who: str) -> None:
    bench.configure(LEARN)
    with bench.gateway.running(), bench.service("lightcontrol1") as service:
        bench.wait_for_types()
        assert service.register("/lightControler") == 200
        impostor = _impostor(bench, UPSTREAM[who](bench))
        with bench.service("lightcontrol1") as again:
            assert again.ask("PUT", NODE, {"value": "1"})[0] in {0, 503}
        assert impostor.connections > 0
        assert impostor.requests == 0
        bench.points.call(impostor.close())
        bench.gateway.wait_for(lambda: any(r["kind"] == "tls-refusal" for r in bench.gateway.records()))
