"""Where the Thing Descriptions of an access point come from: files, read here, and URLs, which are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from proxy.configuration import AccessPoint, ThingsDecoder, TlsMode, is_url
from proxy.decoders.rest.thing_description import LARGEST, Source
from proxy.decoders.rest.thing_forms import Place, path_of
from proxy.decoders.rest.thing_schema import NotUnderstood
from proxy.decoders.rest.things import Compiled, ThingsError, compile_things
from proxy.revocation import RevocationsInForce
from proxy.thing_fetching import Trust

MOST_SOURCES = 64
_ELSEWHERE = (
    "access point {agent}: {url} is not at the access point, and the gateway fetches nothing from elsewhere"
    " -- write a URL that begins with {root}, or save the description as a file"
)


def place_of(point: AccessPoint) -> Place:
    """Return where an access point is, as its Thing Descriptions must have it."""
    hosts = {str(address) for address in (point.ipv4, point.ipv6) if address is not None}
    if point.towards_access_point is not None and point.towards_access_point.name is not None:
        hosts.add(point.towards_access_point.name)
    return Place("http" if point.tls is TlsMode.PLAIN else "https", frozenset(hosts), point.port)


def trust_of(point: AccessPoint, revocations: RevocationsInForce) -> Trust | None:
    """Return how an access point is told from an impostor when it is asked for descriptions; None: it has no TLS."""
    if point.tls is TlsMode.PLAIN or point.towards_access_point is None:
        return None
    return Trust(str(point.ipv4 or point.ipv6), point.towards_access_point, revocations)


def files_of(point: AccessPoint) -> list[Source]:
    """Read the files. Blocks for the disk.

    Raises:
        ThingsError: one cannot be read.
    """
    found = []
    for given in _given(point, url=False):
        try:
            with Path(given).open("rb") as stream:
                found.append(Source(given, stream.read(LARGEST + 1)))
        except OSError as error:
            raise ThingsError([f"{given}: {error.strerror} -- put the Thing Description there, readable"]) from error
    return found


def urls_of(point: AccessPoint) -> list[str]:
    """Return the URLs.

    Raises:
        ThingsError: one is not at the access point.
    """
    place = place_of(point)
    found = list(_given(point, url=True))
    for url in found:
        try:
            here = place.holds(urlsplit(url))
            path_of(urlsplit(url))
        except (ValueError, NotUnderstood):
            here = False
        if not here:
            raise ThingsError([_ELSEWHERE.format(agent=point.agent, url=url, root=place.root)])
    return found


def _given(point: AccessPoint, *, url: bool) -> Iterator[str]:
    if not isinstance(point.decoder, ThingsDecoder):
        return
    if len(point.decoder.things) > MOST_SOURCES:
        raise ThingsError([f"access point {point.agent}: more than {MOST_SOURCES} `things` -- give lists of them"])
    yield from (given for given in point.decoder.things if is_url(given) == url)


def given_things(point: AccessPoint) -> Compiled | None:
    """Return what the files of an access point come to; None where URLs are given too, and that is not all.

    Raises:
        ThingsError: something of it cannot be used.
    """
    files, urls = files_of(point), urls_of(point)
    if not files:
        return None
    compiled = compile_things(files, place_of(point))
    if compiled.refused:
        raise ThingsError(list(compiled.refused))
    return None if urls else compiled
