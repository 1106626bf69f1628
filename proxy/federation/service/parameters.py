"""Reads what the target of a request says."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from models.exchange.names import names_a_type
from proxy.federation.identity import NAME
from proxy.federation.service.problem import Failure


def known(request: web.Request, *names: str) -> None:
    """Check that a request has no parameters but these, each once.

    Raises:
        Failure: it has others (400).
    """
    for name in request.query:
        if name not in names or len(request.query.getall(name)) > 1:
            wanted = f"known here: {', '.join(names)}, each once" if names else "there are none here"
            raise _wrong(f"{name[:64]!r} is not a parameter, or there twice; {wanted}")


def number(request: web.Request, name: str, *, least: int = 0, most: int, otherwise: int) -> int:
    """Return a parameter that is a number.

    Raises:
        Failure: it is none, or too large (400).
    """
    text = request.query.get(name)
    if text is None:
        return otherwise
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    raise _wrong(f"{name} is a number from {least} to {most}")


def behind(request: web.Request) -> str:
    """Return the name behind which a list goes on; empty: it begins.

    Raises:
        Failure: it is none (400).
    """
    text = request.query.get("after", "")
    if text and NAME.fullmatch(text) is None:
        raise _wrong("after is the name of an origin, or left out")
    return text


def service_type(request: web.Request) -> str:
    """Return the service type of the path.

    Raises:
        Failure: it does not look like one (400).
    """
    name = request.match_info["service_type"]
    if not names_a_type(name):
        raise Failure(HTTPStatus.BAD_REQUEST, "type", "write the name of a type, percent-encoded: %2FlightControler")
    return name


def origin(request: web.Request) -> str:
    """Return the origin of the path.

    Raises:
        Failure: nobody can be called that (404).
    """
    name = request.match_info["origin"]
    if NAME.fullmatch(name) is None:
        raise Failure(HTTPStatus.NOT_FOUND, "unknown-origin")
    return name


def _wrong(detail: str) -> Failure:
    return Failure(HTTPStatus.BAD_REQUEST, "parameter", detail)
