"""Descriptions are fetched from a server that may be broken or hostile; real sockets on the loopback."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from proxy import thing_fetching
from proxy.decoders.rest.thing_description import LARGEST
from proxy.decoders.rest.thing_forms import Place
from proxy.revocation import Revocations, RevocationsInForce, key_of
from proxy.server_tls_settings import AccessPointSide
from proxy.thing_fetching import FetchError, Trust, fetch
from tests.site.certificates import Credentials, SiteAuthority, fingerprint, load

LAMP = json.dumps({"title": "Lamp"}).encode()


@contextmanager
def served(pages: Mapping[str, bytes]) -> Iterator[Place]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Place("http", frozenset({"127.0.0.1"}), server.server_port)
        server.shutdown()
        thread.join()


def test_one_description_and_a_list_of_them() -> None:
    with served({"/lamp": LAMP, "/": b'["/lamp", "http://192.0.2.1/elsewhere"]'}) as place:
        one = fetch(f"{place.root}lamp", place, None)
        assert (one.documents, one.listing) == ({f"{place.root}lamp": LAMP}, False)
        assert [source.path for source in one.sources()] == [("lamp",)]
        listed = fetch(place.root, place, None)
        assert (listed.documents, listed.listing) == ({f"{place.root}lamp": LAMP}, True)


def test_what_cannot_be_had_is_told() -> None:
    with served({"/large": b" " * (LARGEST + 1), "/": b'["http://192.0.2.1/"]', "/many": b'["/a%2fb"]'}) as place:
        for path, reason in (
            ("", "at the access point"),
            ("none", "answers 404"),
            ("large", "larger"),
            ("many", "fetched"),
        ):
            with pytest.raises(FetchError, match=reason):
                fetch(f"{place.root}{path}", place, None)
    with pytest.raises(FetchError, match="refused"):
        fetch(place.root, place, None)


def test_all_that_is_listed_has_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_fetching, "_ALL_SECONDS", -1.0)
    with served({"/": b'["/a", "/b"]', "/a": LAMP, "/b": LAMP}) as place:
        with pytest.raises(FetchError, match="0 of 2 documents that it lists took longer than -1 s"):
            fetch(place.root, place, None)
        assert fetch(f"{place.root}a", place, None).documents == {f"{place.root}a": LAMP}


def test_who_sends_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_fetching, "_SECONDS", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    for _ in range(100):
                        connection.sendall(b" ")
                        time.sleep(0.05)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        place = Place("http", frozenset({"127.0.0.1"}), listener.getsockname()[1])
        began = time.monotonic()
        with pytest.raises(FetchError):
            fetch(place.root, place, None)
        assert time.monotonic() - began < 3
        thread.join()


# By HTTPS.


@contextmanager
def secured(credentials: Credentials, clients: SiteAuthority | None = None) -> Iterator[tuple[int, list[str]]]:
    """A server with a description of a lamp; its port, and what it was asked for: the name, then the target."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.extend([self.path, str(self.headers["Host"])])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(LAMP)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.certificate, credentials.key)
    context.sni_callback = lambda _socket, name, _context: asked.append(str(name))
    if clients is not None:
        context.load_verify_locations(clients.certificate)
        context.verify_mode = ssl.CERT_REQUIRED

    class Server(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is what is tested."""

        def finish_request(self, request: Any, client_address: Any) -> None:
            with context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def fetched(port: int, side: dict[str, Any], revocations: RevocationsInForce | None = None) -> bytes:
    place = Place("https", frozenset({"127.0.0.1", "lamp.house"}), port)
    trust = Trust("127.0.0.1", AccessPointSide.model_validate(side), revocations or RevocationsInForce())
    url = f"https://lamp.house:{port}/lamp"
    return fetch(url, place, trust).documents[url]


def test_a_description_by_https_of_a_named_or_a_pinned_server(authority: SiteAuthority) -> None:
    ca = str(authority.certificate)
    with secured(authority.server("lamp.house", "127.0.0.1")) as (port, asked):
        assert fetched(port, {"ca": ca, "name": "lamp.house"}) == LAMP
        assert asked == ["lamp.house", "/lamp", f"lamp.house:{port}"]
        assert fetched(port, {"ca": ca, "name": "127.0.0.1"}) == LAMP
    own = authority.device("lamp")
    with secured(own) as (port, _):
        assert fetched(port, {"fingerprint": fingerprint(own)}) == LAMP


def test_an_impostor_is_asked_for_nothing(authority: SiteAuthority, tmp_path: Path) -> None:
    ca, other = str(authority.certificate), SiteAuthority(tmp_path, name="other-ca")
    impostors: list[tuple[Credentials, dict[str, Any], str]] = [
        (authority.device("lamp"), {"fingerprint": f"sha256:{'00' * 32}"}, "not the configured one"),
        (authority.server("door.house"), {"ca": ca, "name": "lamp.house"}, "is not for 'lamp.house' but for 'door"),
        (other.server("lamp.house"), {"ca": ca, "name": "lamp.house"}, "certificate verify failed"),
        (authority.device("lamp.house"), {"ca": ca, "name": "lamp.house"}, "certificate verify failed"),
    ]
    for credentials, side, reason in impostors:
        with secured(credentials) as (port, asked), pytest.raises(FetchError, match=reason):
            fetched(port, side)
        assert "/lamp" not in asked
    with served({"/lamp": LAMP}) as plain, pytest.raises(FetchError):
        fetched(plain.port, {"ca": ca, "name": "lamp.house"})
    with pytest.raises(FetchError, match="nothing tells the access point from an impostor"):
        fetch("https://127.0.0.1:1/", Place("https", frozenset({"127.0.0.1"}), 1), None)


def test_a_revoked_server_is_asked_for_nothing(authority: SiteAuthority) -> None:
    credentials = authority.server("lamp.house")
    key = key_of(load(credentials.certificate))
    revoked = RevocationsInForce(Revocations({key.issuer: frozenset({key.serial})}))
    with secured(credentials) as (port, asked), pytest.raises(FetchError, match="is revoked"):
        fetched(port, {"ca": str(authority.certificate), "name": "lamp.house"}, revoked)
    assert "/lamp" not in asked


def test_a_server_that_wants_a_certificate_is_shown_the_access_point_s(authority: SiteAuthority) -> None:
    device, own = authority.device("lamp"), authority.client("gateway.house")
    pinned = {"fingerprint": fingerprint(device)}
    with secured(device, authority) as (port, _):
        with pytest.raises(FetchError):
            fetched(port, pinned)
        assert fetched(port, {**pinned, "certificate": str(own.certificate), "key": str(own.key)}) == LAMP


def test_who_never_ends_a_handshake_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_fetching, "_SECONDS", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(FetchError):
        fetched(silent.getsockname()[1], {"fingerprint": f"sha256:{'00' * 32}"})
