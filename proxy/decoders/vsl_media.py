"""Media types of the VSL: the forms in which bodies are read and written, and which answers may be asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.decoders import strict_cbor, strict_json

STREAM = "application/octet-stream"
XML = frozenset({"application/xml", "text/xml"})
_ANY = frozenset({"*/*", "*"})
_NAME = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,63}/[a-z0-9][a-z0-9.+_-]{0,63}")
_MOST_WANTED = 8


class Form(NamedTuple):
    """A form of bodies that can be judged; what was judged is written in the form it came in.

    A Knowledge Agent answers a registration in the form of its request, and a service goes on in the form of that
    answer (spec of the VSL, section 1.1): another form would change how it speaks from then on.
    """

    media_type: str
    parse: Callable[[bytes], Any]
    serialise: Callable[[Any], bytes]


JSON = Form("application/json", strict_json.parse, strict_json.serialise)
CBOR = Form("application/cbor", strict_cbor.parse, strict_cbor.serialise)
FORMS = {form.media_type: form for form in (JSON, CBOR)}


def name_of(field: str) -> str:
    """Return the media type in a Content-Type field, without parameters, in lower case."""
    return field.partition(";")[0].strip().lower()


def wanted(accept: str) -> str | None:
    """Return which types of answers to ask for, as an access point reads the field: in order, without parameters.

    Where JSON or CBOR is among them, nothing else is asked for but these, so that a service does not go on in a form
    that the gateway cannot judge. The type of streams never stays among others: it would make the call another one.

    Returns:
        None where nothing usable is asked for: an access point has the same error for that and for no field at all.
    """
    if accept in FORMS:
        return accept
    names = list(dict.fromkeys(name_of(part) for part in accept.split(",")))
    usable = [name for name in names if name in FORMS or name in _ANY]
    if not usable:
        usable = [name for name in names if name != STREAM and _NAME.fullmatch(name)]
    return ", ".join(usable[:_MOST_WANTED]) or None
