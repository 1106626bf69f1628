"""Asks an access point for its Thing Descriptions: bounded in time, size and number, and never anybody else."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import msgspec
from cryptography import x509

from proxy.deadline import Deadline
from proxy.decoders.rest.thing_description import LARGEST, DescriptionError, Source, read_listing
from proxy.decoders.rest.thing_forms import Place, path_of
from proxy.identity import IdentityError
from proxy.revocation import RevocationsInForce
from proxy.server_tls import check_fingerprint, check_name
from proxy.server_tls_settings import AccessPointSide

_SECONDS = 10.0
"""For one document, from the connection to its last byte."""
_ALL_SECONDS = 60.0
"""For all documents that one URL leads to; the last one may take its own time beyond that."""
_TOGETHER = 4 * LARGEST
"""Bytes of all documents that one URL leads to."""
_OK = 200
_ACCEPT = "application/td+json, application/json;q=0.9"


class FetchError(Exception):
    """Descriptions could not be fetched; the text says why."""


@dataclass(frozen=True)
class Trust:
    """How an access point with TLS is told from an impostor."""

    address: str
    """Where it is."""
    side: AccessPointSide
    revocations: RevocationsInForce

    def check(self, shown: bytes | None) -> None:
        """Check the certificate that it has shown, DER; that of a CA has been verified by it.

        Raises:
            IdentityError: it is not the one that it should be.
        """
        if shown is None:
            raise IdentityError("it shows no certificate")
        if self.side.fingerprint is not None:
            check_fingerprint(shown, self.side.fingerprint)
            return
        certificate = x509.load_der_x509_certificate(shown)
        if self.side.name is None:
            raise IdentityError("no name was configured that its certificate should have")
        check_name(certificate, self.side.name)
        self.revocations.require_valid(certificate)


class Fetched(msgspec.Struct, frozen=True):
    """What a URL gave."""

    documents: Mapping[str, bytes]
    """By URL; several where it gave a list of URLs."""
    listing: bool = False
    """It gave such a list."""

    def sources(self) -> list[Source]:
        """Return the documents as sources of descriptions."""
        return [Source(url, content, path_of(urlsplit(url))) for url, content in self.documents.items()]


def fetch(url: str, place: Place, trust: Trust | None) -> Fetched:
    """Fetch what is at a URL, and what it lists. Blocks.

    Args:
        url: At the access point.
        place: The access point.
        trust: How it is told from an impostor; None: it speaks no TLS.

    Raises:
        FetchError: it cannot be had.
    """
    content = _get(url, place, trust)
    try:
        listed = read_listing(content, url, place)
    except DescriptionError as error:
        raise FetchError(f"{url}: {error}") from error
    if listed is None:
        return Fetched({url: content})
    documents: dict[str, bytes] = {}
    until = time.monotonic() + _ALL_SECONDS
    for each in listed:
        if time.monotonic() > until:
            told = f"{len(documents)} of {len(listed)} documents that it lists took longer than {_ALL_SECONDS:g} s"
            raise FetchError(f"{url}: {told}")
        documents[each] = _get(each, place, trust)
        if sum(map(len, documents.values())) > _TOGETHER:
            raise FetchError(f"{url}: what it lists is larger than {_TOGETHER} bytes together")
    return Fetched(documents, listing=True)


def _get(url: str, place: Place, trust: Trust | None) -> bytes:
    parts = urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    try:
        connection = _connection(parts.hostname or "", place, trust)
    except OSError as error:
        raise FetchError(f"{url}: the certificates cannot be read: {error}") from error
    try:
        with Deadline(connection, _SECONDS):
            connection.request("GET", target, headers={"Accept": _ACCEPT, "Host": _authority(parts, place, trust)})
            response = connection.getresponse()
            content = response.read(LARGEST + 1)
    except (IdentityError, OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f"{url}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    if response.status != _OK:
        raise FetchError(f"{url}: the access point answers {response.status}")
    if len(content) > LARGEST:
        raise FetchError(f"{url}: it is larger than {LARGEST} bytes")
    return content


def _authority(parts: SplitResult, place: Place, trust: Trust | None) -> str:
    """Return what Host says: the name that is asked for in the handshake, where there is one."""
    return (None if trust is None else trust.side.authority(place.port)) or parts.netloc


def _connection(host: str, place: Place, trust: Trust | None) -> http.client.HTTPConnection:
    if place.scheme == "http":
        return http.client.HTTPConnection(host, place.port, timeout=_SECONDS)
    if trust is None:
        raise FetchError(f"{place.root}: nothing tells the access point from an impostor")
    return _VerifiedConnection(trust, place.port)


class _VerifiedConnection(http.client.HTTPConnection):
    """A connection to an access point by TLS; nothing is asked before it has shown that it is the one it should be.

    It goes to the configured address: no name is looked up.
    """

    def __init__(self, trust: Trust, port: int) -> None:
        super().__init__(trust.address, port, timeout=_SECONDS)
        self._trust = trust
        side = trust.side
        self._context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # The name is checked below, by the same rules as for calls.
        context.check_hostname = False
        if side.ca is None:
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(side.ca)
        if side.certificate is not None:
            context.load_cert_chain(side.certificate, side.key)

    def connect(self) -> None:
        """Connect and verify.

        Raises:
            IdentityError: it is not the access point.
        """
        super().connect()
        secured = self._context.wrap_socket(
            self.sock, server_hostname=self._trust.side.server_name, do_handshake_on_connect=False
        )
        self.sock = secured  # so that whoever gives up can cut it while it shakes hands
        secured.do_handshake()
        self._trust.check(secured.getpeercert(binary_form=True))
