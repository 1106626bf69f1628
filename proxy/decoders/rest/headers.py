"""Header fields of REST requests: which decide on the meaning, and which the access point gets."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from proxy.decoders.base import Headers
from proxy.decoders.rest.bad_request import unclear
from proxy.decoders.rest.mapping import OVERRIDES, MappingDocument, Token

HARMLESS = frozenset(
    {
        *("accept", "accept-language", "cache-control", "if-modified-since", "if-none-match", "last-event-id"),
        "user-agent",
    }
)
_ONCE = frozenset({"host", "content-type", "content-length", "authorization", "cookie", "upgrade", "expect"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MEDIA_TYPE = re.compile(r"([A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64})((?:[ \t]*;[ \t]*[!-~ ]*)?)")
_CHARSET = re.compile(r"(?i)charset[ \t]*=[ \t]*\"?([A-Za-z0-9._:-]*)\"?")
_COOKIE = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)=([!#-+\--:<-\[\]-~]*|\"[!#-+\--:<-\[\]-~]*\")")
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})
_LARGEST_COUNT = 64
_LARGEST_BYTES = 8192


class Fields(msgspec.Struct, frozen=True):
    """The header fields of a request, checked."""

    by_name: Mapping[str, str]
    content_type: str
    """Media type of the body, without parameters, in lower case; empty where none is given."""
    passed_on: Headers
    """Those that the access point gets, with the credential."""
    carried: Mapping[int, str]
    """The credentials that are there, without their schemes, by their number in the mapping."""
    harmless: frozenset[int]
    """Those of them that stand in a field which any request may have, and count only where a route takes them."""


class FieldRules:
    """Reads header fields as a mapping wants them."""

    def __init__(self, mapping: MappingDocument) -> None:
        self._headers: dict[str, list[tuple[int, Token]]] = {}
        for i, token in enumerate(mapping.tokens):
            if token.header is not None:
                self._headers.setdefault(token.header, []).append((i, token))
        self._cookies = {token.cookie: i for i, token in enumerate(mapping.tokens) if token.cookie is not None}
        conditions = {name for route in mapping.routes for name in route.when.headers}
        harmless = HARMLESS.union(mapping.headers, conditions)
        self._passed = harmless - set(self._headers)
        self._told = self._passed | _ONCE | set(self._headers)
        self._harmless = frozenset(i for name, tokens in self._headers.items() if name in harmless for i, _ in tokens)

    def read(self, headers: Headers) -> Fields:
        """Read the fields.

        Raises:
            BadRequest: they could be read in two ways, in every mode.
        """
        found = self._by_name(headers)
        _require_no_tricks(found)
        passed = [(name, value) for name, value in found.items() if name in self._passed]
        carried: dict[int, str] = {}
        for name, tokens in self._headers.items():
            if name in found:
                i, field, credential = _credential(name, found[name], tokens)
                passed.append((name, field))
                carried[i] = credential
        if "authorization" in found and "authorization" not in self._headers:
            detail = "the call carries Authorization, and the mapping's `token` does not name that field"
            raise unclear("credential-not-allowed", detail)
        if "cookie" in found and self._cookies:
            kept = self._kept_cookies(found["cookie"])
            if kept:
                passed.append(("cookie", "; ".join(f"{name}={value}" for name, value in kept)))
                carried.update({self._cookies[name]: value for name, value in kept})
        media_type = _media_type(found.get("content-type"))
        return Fields(found, media_type, tuple(passed), carried, self._harmless.intersection(carried))

    def _by_name(self, headers: Headers) -> dict[str, str]:
        if len(headers) > _LARGEST_COUNT or sum([len(n) + len(v) for n, v in headers]) > _LARGEST_BYTES:
            raise unclear("headers-too-large", "more header fields than any service sends")
        found: dict[str, str] = {}
        for name, value in headers:
            if name in self._told:
                if name in found:
                    raise unclear("ambiguous-headers", f"the header {name} occurs twice")
                if not value.isascii():
                    raise unclear("ambiguous-headers", f"the header {name} holds more than ASCII")
            if _CONTROL.search(value):
                raise unclear("ambiguous-headers", f"the header {name} holds control characters")
            found[name] = value
        if "host" not in found:
            raise unclear("ambiguous-headers", "the header host is missing")
        return found

    def _kept_cookies(self, field: str) -> list[tuple[str, str]]:
        kept: list[tuple[str, str]] = []
        for item in field.split(";"):
            found = _COOKIE.fullmatch(item.strip())
            if found is None:
                raise unclear("ambiguous-headers", "the header cookie is not a list of name=value")
            if found[1] in self._cookies:
                kept.append((found[1], found[2]))
        if len({name for name, _ in kept}) != len(kept):
            raise unclear("ambiguous-headers", "a cookie occurs twice")
        return kept


def _credential(name: str, field: str, tokens: list[tuple[int, Token]]) -> tuple[int, str, str]:
    """Return which of the credentials that may stand in a field it is, how the field is sent on, and the credential."""
    scheme, _, rest = field.partition(" ")
    rest = rest.strip()
    for i, token in tokens:
        if token.scheme is None:
            return i, field, field
        if rest and scheme.lower() == token.scheme.lower():
            return i, f"{token.scheme} {rest}", rest
    schemes = " or ".join(token.scheme or "" for _, token in tokens)
    raise unclear("credential-not-allowed", f"{name} does not carry a credential of {schemes}")


def _require_no_tricks(found: Mapping[str, str]) -> None:
    for name in OVERRIDES:
        if name in found:
            raise unclear("method-override", f"the header {name} replaces the method or target that was judged")
    if found.get("content-encoding", "identity").lower() != "identity":
        raise unclear("ambiguous-body", "the body is compressed; let the service send it as it is")
    upgrade = found.get("upgrade")
    # An offer of HTTP/2, as Java's client makes it, is left out and answered in HTTP/1.1 (RFC 9110, 7.8).
    if upgrade is not None and any(each.strip().lower() != "h2c" for each in upgrade.split(",")):
        raise unclear("upgrade-not-allowed", f"an upgrade to {upgrade[:48]!r} is not covered by a mapping")


def _media_type(field: str | None) -> str:
    if field is None:
        return ""
    found = _MEDIA_TYPE.fullmatch(field)
    if found is None:
        raise unclear("ambiguous-headers", "the header content-type is no media type")
    charsets = _CHARSET.findall(found[2])
    if len(charsets) != found[2].lower().count("charset") or any(each.lower() not in _UTF8 for each in charsets):
        raise unclear("ambiguous-body", "the body is in another charset than UTF-8")
    return found[1].lower()
