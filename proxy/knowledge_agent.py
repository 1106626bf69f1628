"""Asks a Knowledge Agent for its structure (`POST /ka/requestKorUpdate`): the cheapest complete type map."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from typing import Any, TypeGuard

from cryptography import x509

from proxy.configuration import Tls, TlsMode
from proxy.deadline import Deadline
from proxy.identity import Identity, IdentityError, check_knowledge_agent
from proxy.peers import StructureSource
from proxy.registry import AgentStructure
from proxy.revocation import RevocationsInForce

_SECONDS = 10.0
_LARGEST_ANSWER = 32 * 1024 * 1024
_MOST_NODES = 200_000
_DEEPEST = 32
_NAME = re.compile(r"[!-~]{1,512}")
_OK = 200
_OWN_ID = "alleyes"
_LIST_TYPE = "/basic/list"
_SYSTEM_TYPES = ("/system/", "/searchProvider/", "/treeRoot")
"""How the types of an agent's own parts begin."""
_SERVICE_LEVEL = 2


class StructureUnavailable(Exception):
    """The access point's structure could not be read; the text says why and what to do."""


class _VerifiedConnection(http.client.HTTPSConnection):
    """Sends nothing before the peer's certificate has been checked to be the agent's."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, agent: str, revocations: RevocationsInForce
    ) -> None:
        super().__init__(host, port, context=context, timeout=_SECONDS)
        self._agent = agent
        self._revocations = revocations

    def connect(self) -> None:
        """Connect and verify.

        Raises:
            IdentityError: the peer is not the configured agent, or its certificate is revoked.
        """
        super().connect()
        certificate = self.sock.getpeercert(binary_form=True)
        if certificate is None:
            raise IdentityError("it shows no certificate")
        try:
            parsed = x509.load_der_x509_certificate(certificate)
        except ValueError as error:
            raise IdentityError(f"its certificate cannot be read: {error}") from error
        check_knowledge_agent(parsed, self._agent)
        self._revocations.require_valid(parsed)


def _connection(
    source: StructureSource, tls: Tls | None, revocations: RevocationsInForce
) -> http.client.HTTPConnection:
    host = str(source.ipv4 or source.ipv6)
    if source.tls is TlsMode.PLAIN or tls is None:
        return http.client.HTTPConnection(host, source.port, timeout=_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A Knowledge Agent has no subjectAltName; _VerifiedConnection checks its name, its mark and its usage instead.
    context.check_hostname = False
    context.load_verify_locations(tls.site_ca)
    context.load_cert_chain(tls.towards_access_points.certificate, tls.towards_access_points.key)
    return _VerifiedConnection(host, source.port, context, source.agent, revocations)


def _credentials(source: StructureSource) -> dict[str, str]:
    """Return the header that says who asks, where no certificate can: an access point without TLS."""
    if source.tls is TlsMode.REQUIRED:
        return {}
    return {"Authorization": Identity(client_id=_OWN_ID, access_ids=("system",), agent=True).delegation()}


def _usable(name: object) -> TypeGuard[str]:
    """Tell whether a name or type is text that an address or a model can hold."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def parse_structure(update: Any) -> AgentStructure:
    """Return types and children of all nodes of a KOR update, and which of them are lists.

    Raises:
        StructureUnavailable: the update is not one, or is larger than a site can be.
    """
    if not isinstance(update, dict) or not isinstance(update.get("addedNodes"), dict):
        raise StructureUnavailable("the KOR update holds no nodes")
    types: dict[str, str] = {}
    children: dict[str, tuple[str, ...]] = {}
    lists: set[str] = set()

    def add(address: str, node: Any, depth: int) -> None:
        if not isinstance(node, dict) or depth > _DEEPEST or len(types) > _MOST_NODES:
            raise StructureUnavailable(f"the KOR update is malformed or too large at {address[:200]}")
        own_types = node.get("types")
        if isinstance(own_types, list) and own_types and _usable(own_types[0]):
            types[address] = own_types[0]
            if _LIST_TYPE in own_types:
                lists.add(address)
        below = node.get("children")
        if isinstance(below, dict):
            named = {name: child for name, child in below.items() if _usable(name)}
            children[address] = tuple(f"{address}/{name}" for name in named)
            for name, child in named.items():
                add(f"{address}/{name}", child, depth + 1)

    for address, node in update["addedNodes"].items():
        if _usable(address):
            add(address, node, 0)
    return AgentStructure(types=types, children=children, lists=frozenset(lists))


def services(agent: str, structure: AgentStructure) -> Iterator[tuple[str, str]]:
    """Yield address and type of each service instance of an agent; its own parts (search, configuration) are none."""
    for address, service_type in structure.types.items():
        own = address.startswith(f"/{agent}/") and address.count("/") == _SERVICE_LEVEL
        if own and not service_type.startswith(_SYSTEM_TYPES):
            yield address, service_type


def read_structure(source: StructureSource, tls: Tls | None, revocations: RevocationsInForce) -> AgentStructure:
    """Ask the agent at `source` for its structure. Blocks for at most some ten seconds; call it off the event loop.

    Raises:
        StructureUnavailable: it cannot be reached, is not the configured agent, or answers something else.
    """
    try:
        connection = _connection(source, tls, revocations)
    except OSError as error:
        raise StructureUnavailable(f"the certificates for {source.agent} cannot be read: {error}") from error
    try:
        with Deadline(connection, _SECONDS):
            connection.request(
                "POST",
                "/ka/requestKorUpdate",
                body=json.dumps({"agentId": _OWN_ID, "hashFrom": ""}),
                headers={"Content-Type": "application/json", "Accept": "application/json", **_credentials(source)},
            )
            response = connection.getresponse()
            body = response.read(_LARGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException, IdentityError) as error:
        raise StructureUnavailable(f"{source.agent} at {connection.host} port {source.port}: {error}") from error
    finally:
        connection.close()
    if response.status != _OK or len(body) > _LARGEST_ANSWER:
        raise StructureUnavailable(
            f"{source.agent} answers {response.status} to a KOR update; is the gateway's certificate a KA certificate?"
        )
    try:
        return parse_structure(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise StructureUnavailable(f"{source.agent} answers a KOR update with something that is not JSON") from error
