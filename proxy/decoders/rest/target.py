"""Request targets and forms, read so that no server can read them otherwise, and written in one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

import msgspec

from proxy.decoders.rest.bad_request import unclear
from proxy.decoders.rest.folding import folded

LARGEST_TARGET = 2048
MOST_PARAMETERS = 128
MOST_SEGMENTS = 64
_TARGET = re.compile(r"/[!-~]*")
_RAW_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@%-]*")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NAME = re.compile(r"[!-~]{1,128}")
_SIMPLE = re.compile(r"[A-Za-z0-9._~-]*")
_SEGMENT_SAFE = "!$&'()*+,=:@"
_VALUE_SAFE = ":@,/"
_DOTS = frozenset({".", ".."})
_HIDDEN = frozenset("/\\%;")
"""What no segment may hold, however it is written: servers divide, cut or decode there once more."""
_OVERRIDES = frozenset({"_method", "x-http-method-override"})
"""Parameters with which some servers replace the method that was judged."""


class Target(msgspec.Struct, frozen=True):
    """A target that was read."""

    segments: tuple[str, ...]
    """Of the path, decoded; the last one is empty where it ends with a slash."""
    query: Mapping[str, str]
    """Parameters, decoded."""
    canonical: str
    """The one form in which it is sent on."""


def write(segments: tuple[str, ...], query: Mapping[str, str]) -> str:
    """Return a target in its canonical form."""
    path = "/" + "/".join([each if _SIMPLE.fullmatch(each) else quote(each, _SEGMENT_SAFE) for each in segments])
    return f"{path}?{write_pairs(query)}" if query else path


def write_pairs(pairs: Mapping[str, str]) -> str:
    """Return parameters, or a form, in their canonical form: each once, in their order, a blank as `%20`."""
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in pairs.items()])


def _quoted(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) else quote(text, _VALUE_SAFE)


def parse(target: str, *, fold_path: bool = False, fold_query: bool = False) -> Target:
    """Read a target in origin form.

    Args:
        target: As it stood in the request line.
        fold_path: The path is made lower case (ASCII): the server takes both for the same.
        fold_query: So are the names of parameters.

    Raises:
        BadRequest: it could be read in two ways, in every mode.
    """
    if len(target) > LARGEST_TARGET:
        raise unclear("target-too-long", f"the request target is longer than {LARGEST_TARGET} characters")
    if not _TARGET.fullmatch(target) or "#" in target:
        raise unclear("ambiguous-target", "the request target is not a path in printable ASCII")
    path, _, text = target.partition("?")
    raw = path.split("/")[1:]
    if len(raw) > MOST_SEGMENTS:
        raise unclear("target-too-long", f"the path has more than {MOST_SEGMENTS} segments")
    if "" in raw[:-1]:
        raise unclear("ambiguous-target", "the path has an empty segment")
    segments = tuple([_segment(each) for each in raw])
    if fold_path:
        segments = tuple([folded(each) for each in segments])
    query = parse_pairs(text) if text else {}
    if fold_query:
        query = _folded_names(query)
    return Target(segments, query, write(segments, query))


def _folded_names(query: Mapping[str, str]) -> dict[str, str]:
    found = {folded(name): value for name, value in query.items()}
    if len(found) != len(query):
        raise unclear("ambiguous-target", "a parameter occurs twice, in upper and lower case")
    return found


def _segment(raw: str) -> str:
    if _SIMPLE.fullmatch(raw) and raw not in _DOTS:
        return raw
    if not _RAW_SEGMENT.fullmatch(raw):
        raise unclear("ambiguous-target", "the path holds characters that servers and gateways read differently")
    text = _decoded(raw, "ambiguous-target", "the path")
    if text in _DOTS:
        raise unclear("ambiguous-target", "the path holds dot segments")
    if not _HIDDEN.isdisjoint(text) or _CONTROL.search(text):
        raise unclear("ambiguous-target", r"the path holds /, \, %, ; or a control character, escaped or not")
    if text != text.strip():
        raise unclear("ambiguous-target", "a segment of the path begins or ends with a blank")
    if not text.isascii() and (unicodedata.normalize("NFKC", text) != text or not text.isprintable()):
        raise unclear("ambiguous-target", "the path holds letters that have another spelling, or cannot be seen")
    return text


def _decoded(raw: str, code: str, place: str) -> str:
    if "%" not in raw:
        return raw
    if _ESCAPE.search(raw):
        raise unclear(code, f"{place} holds a % that begins no escape")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise unclear(code, f"{place} holds escapes that are not UTF-8") from None


def parse_pairs(text: str, code: str = "ambiguous-target", *, lines: bool = False) -> dict[str, str]:
    """Read `name=value` pairs, as in a query or a form (WHATWG URL, section 5.1, without its leniency).

    Args:
        text: ASCII, not empty.
        code: Of the refusal.
        lines: Values may have several lines.

    Raises:
        BadRequest: they could be read in two ways, in every mode.
    """
    place = "the query" if code == "ambiguous-target" else "the form"
    if ";" in text:
        raise unclear(code, f"{place} holds a ; that some servers divide at; write it as %3B")
    items = [item for item in text.split("&") if item]
    if len(items) > MOST_PARAMETERS:
        raise unclear(code, f"{place} has more than {MOST_PARAMETERS} parameters")
    found: dict[str, str] = {}
    control = _CONTROL_BUT_LINES if lines else _CONTROL
    for item in items:
        raw_name, _, raw_value = item.partition("=")
        name = _decoded(raw_name.replace("+", " "), code, place)
        value = _decoded(raw_value.replace("+", " "), code, place)
        if not _NAME.fullmatch(name):
            raise unclear(code, f"{place} has a parameter whose name is empty, too long or not printable ASCII")
        if control.search(value):
            raise unclear(code, f"the parameter {name[:48]} holds control characters")
        if name in found:
            raise unclear(code, f"the parameter {name[:48]} occurs twice")
        if name.lower() in _OVERRIDES:
            raise unclear("method-override", f"the parameter {name} replaces the method that was judged")
        found[name] = value
    return found
