"""A small TLS server that answers as a test has it, with certificates of a real authority."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.federation.client.credentials import AUTHORITY, CERTIFICATE, KEY
from proxy.federation.identity import Role
from proxy.federation.service.authority import Authority, Issued

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DAY = 86_400.0


@dataclass
class Place:
    """An authority, and what it issues, in a directory."""

    directory: Path
    authority: Authority = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.authority = Authority.of(None, self.directory, time.time())

    def origin(self, directory: Path, name: str = "gateway-a", *, seconds: float = 90 * DAY, age: float = 0.0) -> Path:
        """Write what enrolment would have written."""
        directory.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        pem = request.public_bytes(serialization.Encoding.PEM).decode()
        issued = self.authority.issue(pem, name, Role.ORIGIN, time.time() - age, seconds)
        (directory / AUTHORITY).write_text(self.authority.pem)
        (directory / CERTIFICATE).write_text(issued.pem)
        (directory / KEY).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return directory

    def renewed(self, request: str, name: str = "gateway-a") -> Issued:
        """Issue another certificate for a request."""
        return self.authority.issue(request, name, Role.ORIGIN, time.time(), 90 * DAY)

    def context(self, *names: str, seconds: float = DAY) -> ssl.SSLContext:
        """Return what a server of that authority serves with."""
        issued, key = self.authority.issue_server(list(names or ("127.0.0.1",)), time.time(), seconds)
        file = self.directory / "server.pem"
        file.write_bytes(issued.pem.encode() + self.authority.pem.encode() + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=self.authority.pem)
        context.load_cert_chain(file)
        return context


@asynccontextmanager
async def serving(context: ssl.SSLContext, handler: Handler) -> AsyncIterator[str]:
    """Serve; give the URL."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def origin_of(request: web.Request) -> str | None:
    """Return the name in the certificate that a caller showed."""
    assert request.transport is not None
    shown = request.transport.get_extra_info("peercert")
    if not shown:
        return None
    return next(str(value) for part in shown["subject"] for name, value in part if name == "commonName")
