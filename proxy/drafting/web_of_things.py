"""The mapping that Thing Descriptions become, from a file or from where they are served."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from proxy.decoders.rest.thing_description import Source
from proxy.decoders.rest.thing_forms import Place, path_of
from proxy.decoders.rest.things import Compiled, ThingsError, compile_things
from proxy.revocation import RevocationsInForce
from proxy.server_tls_settings import AccessPointSide
from proxy.thing_fetching import Trust, fetch

LARGEST_FILE = 4 * 1024 * 1024
_PORTS = {"http": 80, "https": 443}


def things_at(source: str, at: str | None, fingerprint: str | None = None) -> Compiled:
    """Return what Thing Descriptions become.

    Args:
        source: Path of a file, or a URL.
        at: URL of the server of the Things; None: the one of `source`.
        fingerprint: Of the server's certificate, for a URL by HTTPS.

    Raises:
        ThingsError: they cannot be used together.
        FetchError: they cannot be had.
        OSError: the file cannot be read.
        ValueError: nothing says where the Things are.
    """
    scheme = urlsplit(source).scheme
    remote = scheme in _PORTS
    if fingerprint is not None and scheme != "https":
        raise ValueError("--fingerprint is of a server that is asked by HTTPS -- leave it out")
    if at is None and not remote:
        raise ValueError("give --at, the URL of the server that has the Things")
    place = _place(at or source)
    if not remote:
        with Path(source).open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError(f"is larger than {LARGEST_FILE} bytes -- is this the right file?")
        sources = [Source(Path(source).name, content)]
    else:
        found = fetch(source, place, _trust(source, fingerprint))
        sources = [Source(url, content, path_of(urlsplit(url))) for url, content in found.documents.items()]
    compiled = compile_things(sources, place)
    if compiled.refused:
        raise ThingsError(list(compiled.refused))
    return compiled


def _trust(url: str, fingerprint: str | None) -> Trust | None:
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    if fingerprint is None:
        raise ValueError("nothing tells the server from an impostor -- give --fingerprint, that of its certificate")
    try:
        side = AccessPointSide(fingerprint=fingerprint)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None
    return Trust(parts.hostname or "", side, RevocationsInForce())


def _place(url: str) -> Place:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or parts.hostname is None:
        raise ValueError(f"{url} is no URL of a server -- write it like http://10.0.0.20:8080")
    try:
        host = str(ip_address(parts.hostname))
    except ValueError:
        raise ValueError(f"{parts.hostname} is a name -- give the IP address, as in gateway.yaml") from None
    return Place(parts.scheme, frozenset({host}), parts.port or _PORTS[parts.scheme])
