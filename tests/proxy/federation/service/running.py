"""A federation service that runs: within the test, or as a process; and those who call it, over real TLS."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPMessage
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from models.contributions import Contribution
from models.exchange.envelope import decode_others, encode_contribution
from models.exchange.shared import Others, Shared
from models.exchange.showings import Showings
from proxy.clocks import MonotonicEventClock, real_now
from proxy.federation.configuration import FederationDocument, load_federation
from proxy.federation.invitation import Invitation
from proxy.federation.messages import CONTRIBUTION, Candidates, Enrolment, EnrolmentRequest
from proxy.federation.service.authority import Authority
from proxy.federation.service.server import FederationService
from proxy.federation.service.stores import store_of
from proxy.federation.storage.base import Token
from tests.ports import free_port
from tests.waiting import eventually

HOST = "127.0.0.1"
COMMAND = "from proxy.commands.federate import command; command()"
"""`alleyes federate` without the imports of all other commands, which take seconds."""
_PATIENCE = 120.0
START = int(real_now() * 1000)
"""Event time of all services within the tests, ms, as they begin."""


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        return str(self.json["code"])

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


def now_ms() -> int:
    return int(real_now() * 1000)


def signing_request(key: ec.EllipticCurvePrivateKey | None = None) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Caller:
    """One keep-alive connection to a service, with a certificate or without."""

    port: int
    context: ssl.SSLContext
    certificate: Path | None = None
    """PEM, with its key."""
    _connection: http.client.HTTPSConnection | None = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(HOST, self.port, context=self.context, timeout=_PATIENCE)
        try:
            self._connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def contribute(self, contribution: Contribution) -> Answer:
        data = encode_contribution(contribution)
        return self.send(contribution.model.service_type, data)

    def send(self, service_type: str, data: bytes) -> Answer:
        path = f"/v1/contributions/{quote(service_type, safe='')}"
        return self.ask("PUT", path, data, {"Content-Type": CONTRIBUTION})

    def tell(self, showings: Showings, *, epoch: int = 1, sequence: int = 1) -> Answer:
        told = Candidates(epoch=epoch, sequence=sequence, instances=showings.instances, open=showings.open)
        return self.ask("PUT", "/v1/candidates", msgspec.json.encode(told), {"Content-Type": "application/json"})

    def model(self, service_type: str, *, known: str | None = None, wait: int = 0) -> Answer:
        path = f"/v1/models/{quote(service_type, safe='')}" + (f"?wait={wait}" if wait else "")
        return self.ask("GET", path, headers={} if known is None else {"If-None-Match": known})

    def others(self, service_type: str) -> Others:
        answer = self.model(service_type)
        assert answer.status == 200, answer
        return decode_others(service_type, answer.body, now_minute=now_ms() // 60_000)

    def enrol(self, token: str | None, request: str | None = None) -> Answer:
        body = EnrolmentRequest(request=signing_request() if request is None else request, token=token)
        return self.ask("POST", "/v1/enrolments", msgspec.json.encode(body), {"Content-Type": "application/json"})


@dataclass
class Place:
    """Where a service lives, and how to get at it without asking it."""

    directory: Path
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    scale: float = 1.0
    """How fast event time is."""

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "federation.yaml"
        listen = {"address": HOST, "port": self.port}
        defaults: dict[str, Any] = {"role": "global", "names": [HOST], "listen": listen, "state_directory": "state"}
        self.config.write_text(yaml.safe_dump(defaults | self.settings), encoding="utf-8")

    def service(self, port: int | None = None) -> FederationService:
        """One that is not running yet."""
        clock, document = MonotonicEventClock(START, self.scale), self.document
        listen = document.listen.model_copy(update={"port": port or self.port})
        document = document.model_copy(update={"listen": listen})
        return FederationService(document, self.authority, store_of(self.document), clock)

    @property
    def document(self) -> FederationDocument:
        return load_federation(self.config)

    @property
    def authority(self) -> Authority:
        return Authority.of(self.document.authority, self.document.state_directory, real_now())

    def trusting(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as clients do
        context.load_verify_locations(cadata=self.authority.pem)
        return context

    def stranger(self, port: int | None = None) -> Caller:
        return Caller(port or self.port, self.trusting())

    def invite(self, name: str, role: Literal["origin", "operator"] = "origin", *, seconds: int = 3600) -> str:
        invitation = Invitation.new(name, self.authority.certificate)

        async def add() -> None:
            store = store_of(self.document)
            await store.open()
            await store.add_token(Token(invitation.digest, name, role, now_ms() + seconds * 1000), now_ms())
            await store.close()

        asyncio.run(add())
        return str(invitation)

    def revoke(self, name: str) -> None:
        """Take somebody out as the command line does: beside the process that serves."""

        async def work() -> None:
            store = store_of(self.document)
            await store.open()
            await store.revoke(name, now_ms())
            await store.remove(name)
            await store.close()

        asyncio.run(work())

    def member(self, name: str, role: Literal["origin", "operator"] = "origin", *, port: int | None = None) -> Caller:
        """Enrol somebody with a token, over the network."""
        key = ec.generate_private_key(ec.SECP256R1())
        stranger = self.stranger(port)
        answer = stranger.enrol(self.invite(name, role), signing_request(key))
        stranger.close()
        assert answer.status == 201, answer
        return self.holder(msgspec.json.decode(answer.body, type=Enrolment), key, port=port)

    def holder(self, enrolment: Enrolment, key: ec.EllipticCurvePrivateKey, *, port: int | None = None) -> Caller:
        file = self.directory / f"{enrolment.origin}.{time.monotonic_ns()}.pem"
        form, nothing = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, form, nothing).decode()
        file.write_text(enrolment.certificate + pem, encoding="ascii")
        context = self.trusting()
        context.load_cert_chain(file)
        return Caller(port or self.port, context, file)

    @contextlib.contextmanager
    def serving(self, port: int | None = None) -> Iterator[Place]:
        """Run the service in a thread of the test."""
        ready = threading.Event()
        loop = asyncio.new_event_loop()
        ending = asyncio.Event()

        async def run() -> None:
            await self.service(port).run(ending, lambda _: ready.set())

        thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
        thread.start()
        try:
            while not ready.wait(0.05):
                assert thread.is_alive(), "the service did not start"
            self.wait_until_ready(port=port)
            yield self
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join()
            loop.close()

    @contextlib.contextmanager
    def process(self, *, port: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run the service as a process; at the end it is told to end, unless it has."""
        config = self.config
        if port is not None:
            config = self.directory / f"federation-{port}.yaml"
            document = yaml.safe_load(self.config.read_text(encoding="utf-8"))
            document["listen"]["port"] = port
            config.write_text(yaml.safe_dump(document), encoding="utf-8")
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        with (self.directory / f"log-{port or self.port}").open("ab") as log:
            command = [sys.executable, "-P", "-c", COMMAND, "--config", str(config)]
            process = subprocess.Popen(command, stderr=log, env=environment)
            try:
                self.wait_until_ready(process, port)
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                process.wait(_PATIENCE)

    def wait_until_ready(self, process: subprocess.Popen[bytes] | None = None, port: int | None = None) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            assert process is None or process.poll() is None, (self.directory / f"log-{port or self.port}").read_text()
            with contextlib.suppress(OSError, http.client.HTTPException):
                caller = self.stranger(port)
                answer = caller.ask("GET", "/readyz")
                caller.close()
                if answer.status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the service does not get ready")


def told(caller: Caller, service_type: str, version: str | None) -> Shared | None:
    """Return what somebody is told of other sites, once it has a version; None: once it is nothing."""

    def there() -> bool:
        if caller.model(service_type).status != HTTPStatus.OK:
            return False
        shared = caller.others(service_type).elsewhere
        return (None if shared is None else shared.version) == version

    eventually(there)
    return caller.others(service_type).elsewhere
