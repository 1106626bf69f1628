"""Header fields of REST requests: which decide on the meaning, and which the access point gets."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

import msgspec

from proxy.decoders.base import Headers
from proxy.decoders.rest.bad_request import unclear
from proxy.decoders.rest.mapping import OVERRIDES, OWN, MappingDocument, Token
from proxy.decoders.rest.unmatched import looks_secret

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
_NEVER = OWN - {"authorization", "cookie"} | {"accept-encoding", "remote-user", "via", "x-client-ip"}
_OF_PROXIES = ("x-forwarded-", "x-remote-")
"""Fields that are not even passed on with what is not understood: by these devices know who an own proxy let in."""
_TOO_USUAL = re.compile(r"accept.*|cache-control|date|dnt|if-.*|last-event-id|origin|pragma|referer|sec-.*|user-agent")
"""Fields that clients send to any server: they tell nothing of this one."""
_NOTED = re.compile(r"[a-z0-9_-]{1,64}")
_SCHEME = re.compile(r"([A-Za-z0-9-]{1,32}) .+")
_MOST_NOTED = 16
_EVENTS = "text/event-stream"
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
    everything: Headers
    """Those that the access point gets with a call that is not understood: more of them where that is to be learnt."""
    noted: tuple[str, ...] = ()
    """What of them a mapping could be drafted from; names alone."""
    secrets: tuple[str, ...] = ()
    """What else of them may not be written down: other spellings of credentials, and those that no mapping knows."""
    stranger: str = ""
    """A field with a credential that the mapping does not have in that form; only where it is to be learnt."""

    @property
    def wants_events(self) -> bool:
        """Whether the answer is to be a stream of events."""
        return _EVENTS in self.by_name.get("accept", "")


class FieldRules:
    """Reads header fields as a mapping wants them."""

    def __init__(self, mapping: MappingDocument) -> None:
        self._tokens = mapping.tokens
        self._headers: dict[str, list[tuple[int, Token]]] = {}
        for i, token in enumerate(mapping.tokens):
            if token.header is not None:
                self._headers.setdefault(token.header, []).append((i, token))
        self._cookies = {token.cookie: i for i, token in enumerate(mapping.tokens) if token.cookie is not None}
        conditions = {name for route in mapping.routes for name in route.when.headers}
        harmless = HARMLESS.union(mapping.headers, conditions)
        self._learning = mapping.learning
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
        stranger = ""
        secrets: tuple[str, ...] = ()
        for name, tokens in self._headers.items():
            if name not in found:
                continue
            known = _credential(found[name], tokens)
            if known is not None:
                i, field, credential = known
                passed.append((name, field))
                carried[i] = credential
                if self._tokens[i].part is not None:
                    secrets += (field.partition(" ")[2],)
                continue
            if not self._learning:
                schemes = " or ".join(token.scheme or "" for _, token in tokens)
                raise unclear("credential-not-allowed", f"{name} does not carry a credential of {schemes}")
            stranger = name
        if "authorization" in found and "authorization" not in self._headers:
            if not self._learning:
                detail = "the call carries Authorization, and the mapping's `token` does not name that field"
                raise unclear("credential-not-allowed", detail)
            stranger = "authorization"
        if "cookie" in found and self._cookies:
            kept = self._kept_cookies(found["cookie"])
            if kept:
                passed.append(("cookie", "; ".join(f"{name}={value}" for name, value in kept)))
                carried.update({self._cookies[name]: value for name, value in kept})
        media_type = _media_type(found.get("content-type"))
        harmless = self._harmless.intersection(carried)
        fields = Fields(
            found, media_type, tuple(passed), carried, harmless, tuple(passed), secrets=secrets, stranger=stranger
        )
        return self._learnt_from(fields, headers) if self._learning else fields

    def _learnt_from(self, fields: Fields, headers: Headers) -> Fields:
        """Return the fields with those that nobody has named yet."""
        passed = [(name, value) for name, value in fields.passed_on if name != "cookie"]
        taken = {name for name, _ in passed}
        hop = {each.strip().lower() for name, value in headers if name == "connection" for each in value.split(",")}
        others = [
            (name, value)
            for name, value in headers
            if name not in _NEVER
            and not name.startswith(_OF_PROXIES)
            and name not in taken
            and name not in hop
            and value.isascii()
        ]
        secret = [value for name, value in others if name == "authorization"]
        secret += [value.partition(" ")[2].strip() for value in secret]
        cookies = [
            each.strip().partition("=") for name, value in others if name == "cookie" for each in value.split(";")
        ]
        return msgspec.structs.replace(
            fields,
            everything=(*passed, *others),
            noted=tuple(dict.fromkeys(_noted(others, [name for name, _, _ in cookies], events=fields.wants_events))),
            secrets=(*fields.secrets, *secret, *(value for _, _, value in cookies)),
        )

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


def _noted(others: list[tuple[str, str]], cookies: list[str], *, events: bool) -> list[str]:
    found = ["accept:events"] if events else []
    for name, value in others:
        scheme = _SCHEME.fullmatch(value) if name == "authorization" else None
        if scheme is not None:
            found.append(f"{name}:{scheme[1]}")
        elif name != "cookie" and _NOTED.fullmatch(name) and not _TOO_USUAL.fullmatch(name) and not looks_secret(name):
            found.append(name)
    found += [f"cookie:{name}" for name in cookies if re.fullmatch(r"[\w.-]{1,64}", name) and not looks_secret(name)]
    return found[:_MOST_NOTED]


def _credential(field: str, tokens: list[tuple[int, Token]]) -> tuple[int, str, str] | None:
    """Return which of the credentials that may stand in a field it is, how the field is sent on, and the credential."""
    scheme, _, rest = field.partition(" ")
    rest = rest.strip()
    for i, token in tokens:
        if token.scheme is None:
            return i, field, field
        if rest and scheme.lower() == token.scheme.lower():
            return (i, f"{token.scheme} {rest}", rest) if token.part is None else (i, *_user(rest))
    return None


def _user(encoded: str) -> tuple[str, str]:
    """Return the field of HTTP Basic in its one spelling, and the credential: the user name where there is no password.

    Raises:
        BadRequest: it is none, in every mode.
    """
    try:
        raw = base64.b64decode(encoded, validate=True)
        name, colon, password = raw.decode().partition(":")
    except ValueError:
        name = colon = password = ""
    if not colon or not name or _CONTROL.search(name + password):
        raise unclear("ambiguous-headers", "Authorization is not the base64 of a name and a password")
    canonical = base64.b64encode(raw).decode()
    return f"Basic {canonical}", canonical if password else name


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
