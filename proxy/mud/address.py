"""MUD URLs of service types: one for each, below a URL of the site."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

_ENDING = ".json"


class MudUrlError(ValueError):
    """The URL is none that a MUD file may have; the text says why, and what to write."""


def base_url(text: str) -> str:
    """Return a URL below which MUD files lie, without a slash at its end.

    Raises:
        MudUrlError: it is no https URL (RFC 8520, section 1.5) of a host, or has a query or a fragment.
    """
    found = urlsplit(text)
    if found.scheme != "https" or not found.hostname or found.query or found.fragment or found.username is not None:
        raise MudUrlError(f"{text!r} is no URL for MUD files; write it like https://building.example/mud")
    return text.rstrip("/")


def url_of(base: str, service_type: str) -> str:
    """Return the MUD URL of a service type, e.g. `https://building.example/mud/movementSensor.json`."""
    return f"{base}{quote(service_type, safe='/')}{_ENDING}"


def type_of(base: str, url: str) -> str | None:
    """Return the service type whose MUD URL that is; None where it is not below `base`."""
    if not url.startswith(f"{base}/") or not url.endswith(_ENDING):
        return None
    return unquote(url[len(base) : -len(_ENDING)])


def file_name(service_type: str) -> str:
    """Return a name for the file of a service type: distinct types have distinct ones."""
    return quote(service_type.removeprefix("/"), safe="") + _ENDING
