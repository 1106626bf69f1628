"""Descriptions are fetched from a server that may be broken or hostile; real sockets on the loopback."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from proxy import thing_fetching
from proxy.decoders.rest.thing_description import LARGEST
from proxy.decoders.rest.thing_forms import Place
from proxy.thing_fetching import FetchError, fetch

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
