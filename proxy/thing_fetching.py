"""Asks an access point for its Thing Descriptions: bounded in time, size and number, and never anybody else."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from proxy.configuration import Tls
from proxy.decoders.rest.thing_description import LARGEST, DescriptionError, Source, read_listing
from proxy.decoders.rest.thing_forms import Place, path_of

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


class Fetched(msgspec.Struct, frozen=True):
    """What a URL gave."""

    documents: Mapping[str, bytes]
    """By URL; several where it gave a list of URLs."""
    listing: bool = False
    """It gave such a list."""

    def sources(self) -> list[Source]:
        """Return the documents as sources of descriptions."""
        return [Source(url, content, path_of(urlsplit(url))) for url, content in self.documents.items()]


def fetch(url: str, place: Place, tls: Tls | None) -> Fetched:
    """Fetch what is at a URL, and what it lists. Blocks.

    Args:
        url: At the access point.
        place: The access point.
        tls: Where the gateway's certificates are, for an access point with TLS.

    Raises:
        FetchError: it cannot be had.
    """
    content = _get(url, place, tls)
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
        documents[each] = _get(each, place, tls)
        if sum(map(len, documents.values())) > _TOGETHER:
            raise FetchError(f"{url}: what it lists is larger than {_TOGETHER} bytes together")
    return Fetched(documents, listing=True)


def _get(url: str, place: Place, tls: Tls | None) -> bytes:
    parts = urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    try:
        connection = _connection(parts.hostname or "", place, tls)
    except OSError as error:
        raise FetchError(f"{url}: the certificates cannot be read: {error}") from error
    # The connection's own time-out starts anew with every byte; this one does not.
    deadline = _Deadline(connection)
    try:
        connection.connect()
        deadline.cut = connection.sock
        connection.request("GET", target, headers={"Accept": _ACCEPT})
        response = connection.getresponse()
        content = response.read(LARGEST + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f"{url}: {str(error) or type(error).__name__}") from error
    finally:
        deadline.timer.cancel()
        connection.close()
    if deadline.passed:
        raise FetchError(f"{url}: it took longer than {_SECONDS:g} s")
    if response.status != _OK:
        raise FetchError(f"{url}: the access point answers {response.status}")
    if len(content) > LARGEST:
        raise FetchError(f"{url}: it is larger than {LARGEST} bytes")
    return content


def _connection(host: str, place: Place, tls: Tls | None) -> http.client.HTTPConnection:
    if place.scheme == "http" or tls is None:
        return http.client.HTTPConnection(host, place.port, timeout=_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(tls.site_ca)
    context.load_cert_chain(tls.towards_access_points.certificate, tls.towards_access_points.key)
    return http.client.HTTPSConnection(host, place.port, timeout=_SECONDS, context=context)


class _Deadline:
    """Ends a connection when its time is over; what came by then is not all."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.passed = False
        self.cut: socket.socket | None = connection.sock
        """The socket; `http.client` lets go of it while an answer is read that ends with the connection."""
        self.timer = threading.Timer(_SECONDS, self._give_up)
        self.timer.daemon = True
        self.timer.start()

    def _give_up(self) -> None:
        self.passed = True
        if self.cut is not None:
            with contextlib.suppress(OSError):
                # The base class's: the TLS socket's own would pull the session away under the thread that reads.
                socket.socket.shutdown(self.cut, socket.SHUT_RDWR)
