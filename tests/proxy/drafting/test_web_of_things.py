"""From Thing Descriptions in a file, or at a server, to a mapping."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from proxy.decoders.rest.things import ThingsError
from proxy.drafting.web_of_things import things_at
from proxy.thing_fetching import FetchError
from tests.site.certificates import SiteAuthority, fingerprint

LAMP = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    "title": "Lamp",
    "@type": "Light",
    "security": "none",
    "securityDefinitions": {"none": {"scheme": "nosec"}},
    "properties": {"on": {"type": "boolean", "forms": [{"href": "/lamp/properties/on"}]}},
}


@contextmanager
def serving(tmp_path: Path, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    (tmp_path / "lamp.json").write_text(json.dumps(LAMP))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}/lamp.json"
        server.shutdown()
        thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path) as url:
        yield url


def test_a_file_becomes_routes(tmp_path: Path) -> None:
    file = tmp_path / "lamp.td.json"
    file.write_text(json.dumps(LAMP))
    found = things_at(str(file), "http://192.0.2.20:8080")
    assert {route.path for route in found.mapping.routes} >= {"/lamp/properties/on"}
    assert [each.title for each in found.things] == ["Lamp"]


def test_what_a_server_has_becomes_the_same(served: str) -> None:
    assert "/lamp/properties/on" in {route.path for route in things_at(served, None).mapping.routes}


def test_a_server_with_tls_is_told_from_an_impostor_by_its_fingerprint(
    tmp_path: Path, authority: SiteAuthority
) -> None:
    own = authority.device("lamp")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    with serving(tmp_path, context) as url:
        found = things_at(url, None, fingerprint(own))
        assert "/lamp/properties/on" in {route.path for route in found.mapping.routes}
        for given, told in ((None, "give --fingerprint"), ("sha256:1", "is no fingerprint")):
            with pytest.raises(ValueError, match=told):
                things_at(url, None, given)
        with pytest.raises(FetchError, match="not the configured one"):
            things_at(url, None, f"sha256:{'00' * 32}")


def test_a_description_that_cannot_be_used_is_told_instead_of_left_out(tmp_path: Path) -> None:
    file = tmp_path / "broken.td.json"
    file.write_text(json.dumps(LAMP | {"title": ""}))
    with pytest.raises(ThingsError, match="correct the"):
        things_at(str(file), "http://192.0.2.20:8080")


def test_a_fingerprint_is_of_a_server_with_tls(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--fingerprint is of a server that is asked by HTTPS"):
        things_at(str(tmp_path / "lamp.td.json"), "http://192.0.2.20", f"sha256:{'0a' * 32}")


def test_where_the_things_are_must_be_said(tmp_path: Path) -> None:
    for source, at, told in (
        (str(tmp_path / "x.json"), None, "give --at"),
        (str(tmp_path / "x.json"), "http://lamp.example", "is a name"),
        (str(tmp_path / "x.json"), "lamp", "is no URL"),
    ):
        with pytest.raises(ValueError, match=told):
            things_at(source, at)
