"""Agents on the loopback, ready to be spoken to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial

import msgspec
import pytest

from models.simulation.service_models import BOOLEAN, LIGHT_CONTROLLER, NUMBER, TEXT, ModelNode
from tests.site.certificates import Credentials, SiteAuthority
from tests.site.house import MODELS_AND_HOUSE
from tests.site.http_client import HttpConnection, HttpResponse
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import Loopback
from tests.site.vsl_client import VslClient

TIMEOUT = 30.0

LIGHT_OF_THE_EXAMPLES = ModelNode(
    (LIGHT_CONTROLLER, "/basic/composed"),
    children={
        "brightness": ModelNode((NUMBER,), "50"),
        "name": ModelNode((TEXT,), "lamp"),
        "lightOn": ModelNode((BOOLEAN, NUMBER), "0", {"minimumValue": "0", "maximumValue": "1"}),
        "secret": ModelNode((TEXT,), "x", readers=(), writers=()),
    },
)
"""The light controller of the captured examples: vsl-rest, section 9."""


class Bench:
    """Two agents that know each other, and means to speak to them."""

    def __init__(self, authority: SiteAuthority) -> None:
        self.authority = authority
        self.network = Loopback()
        models = {**MODELS_AND_HOUSE, LIGHT_CONTROLLER: LIGHT_OF_THE_EXAMPLES}
        files = {"/config.txt": b"secret=1"}
        self.agents = {
            name: KnowledgeAgent(name, authority.agent(name), models=models, files=files, callback_timeout=2.0)
            for name in ("agent1", "agent2")
        }
        self._clients: list[VslClient] = []

    async def start(self) -> None:
        for name, agent in self.agents.items():
            await agent.serve(self.network.listen(name))
            for other in self.agents:
                if other != name:
                    agent.add_peer(other, partial(self.network.reach_peer, name, other))

    async def stop(self) -> None:
        for client in self._clients:
            await client.close()
        for agent in self.agents.values():
            await agent.close()

    def client(self, name: str, agent: str = "agent1", *, timeout: float = TIMEOUT) -> VslClient:
        context = self.authority.service(name).client_context()
        client = VslClient(partial(self.network.reach, name, agent), context, timeout=timeout)
        self._clients.append(client)
        return client

    async def connect(self, who: Credentials | None, agent: str = "agent1") -> HttpConnection:
        """A raw connection, with a certificate or without."""
        context = self.authority.anonymous_context() if who is None else who.client_context()
        return await HttpConnection.open(partial(self.network.reach, "raw", agent), context, TIMEOUT)

    async def ask(
        self,
        who: Credentials | None,
        method: str,
        target: str,
        body: str | bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        agent: str = "agent1",
    ) -> HttpResponse:
        """Send a request as it stands, JSON by default."""
        connection = await self.connect(who, agent)
        sent = {"Host": "agent", "Accept": "application/json"}
        sent |= {"Content-Type": "application/json"} if body is not None else {}
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value}
        raw = body.encode() if isinstance(body, str) else body
        try:
            return await connection.request(method, target, sent, raw, TIMEOUT)
        finally:
            connection.close()


def error(response: HttpResponse) -> tuple[int, str]:
    """The code and message of an error body, whose every member is checked."""
    body = msgspec.json.decode(response.body)
    assert response.headers["content-type"] == "application/json;charset=utf-8"
    assert set(body) == {"code", "message", "type"}
    assert body["code"] == response.status
    assert body["type"] == "org.ds2os.vsl.core.transport.ExceptionMessage$1"
    return body["code"], body["message"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    return SiteAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def bench(authority: SiteAuthority) -> AsyncIterator[Bench]:
    bench = Bench(authority)
    await bench.start()
    yield bench
    await bench.stop()
