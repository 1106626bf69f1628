"""The credential with which one Knowledge Agent acts for a service: `Authorization: VSL <base64 of JSON identity>`.

Only what a peer sends is read here. It decides who is judged, so it is read strictly: no unknown member, no freedoms.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Any

import msgspec

from proxy.decoders import strict_json
from proxy.decoders.base import OnBehalf, Request
from proxy.decoders.strict_json import NotStrictJson, Number
from proxy.identity import Identity

HEADER = "authorization"
_REGISTRATION = "/service/"
_SCHEME = "VSL "
_LARGEST = 4096
_MEMBERS = frozenset({"clientId", "accessIDs", "ka"})
_CLIENT_ID = re.compile(r"[a-z0-9._:-]{1,128}")
_ACCESS_ID = re.compile(r"[!-:<-~]{1,128}")
"""Printable, without the semicolon that parts them in certificates."""
_MOST_ACCESS_IDS = 64
_REMEMBERED = 512
"""Credentials whose reading is remembered: a peer sends the same for each call of a service."""


class BadDelegation(ValueError):
    """A credential that names nobody; the text says why."""


def on_behalf(request: Request) -> OnBehalf:
    """Return whom a peer's request names (see `proxy.decoders.base.Agency`)."""
    registers = request.target.startswith(_REGISTRATION)
    named = [value for name, value in request.headers if name == HEADER]
    if len(named) != 1:
        return OnBehalf(request, credentials=len(named), registers=registers)
    headers = tuple(field for field in request.headers if field[0] != HEADER)
    bare = msgspec.structs.replace(request, headers=headers)
    try:
        return OnBehalf(bare, parse(named[0]), credentials=1, registers=registers)
    except BadDelegation as bad:
        return OnBehalf(bare, credentials=1, problem=str(bad), registers=registers)


@lru_cache(_REMEMBERED)
def parse(value: str) -> Identity:
    """Return whom the value of an `Authorization` field names.

    Raises:
        BadDelegation: it is not a credential of the VSL, or can be read in two ways.
    """
    if not value.startswith(_SCHEME) or len(value) > _LARGEST:
        raise BadDelegation("the credential is not one of the VSL")
    try:
        named = strict_json.parse(base64.b64decode(value.removeprefix(_SCHEME), validate=True))
    except (binascii.Error, NotStrictJson, ValueError) as error:
        raise BadDelegation(f"the credential cannot be read: {error}") from error
    if not isinstance(named, dict) or not _MEMBERS.issuperset(named):
        raise BadDelegation("the credential is not an identity of the VSL")
    agent = named.get("ka", False)
    if not isinstance(agent, bool):
        raise BadDelegation("`ka` is neither true nor false")
    client_id = _text(named.get("clientId"))
    # Knowledge Agents lower the names of certificates, so that no service has another spelling.
    if not _CLIENT_ID.fullmatch(client_id):
        raise BadDelegation(f"{client_id[:64]!r} is not the id of a client")
    listed = named.get("accessIDs", [])
    if not isinstance(listed, list) or len(listed) > _MOST_ACCESS_IDS:
        raise BadDelegation("`accessIDs` is not a list, or a very long one")
    access_ids = tuple(_text(each) for each in listed)
    if any(not _ACCESS_ID.fullmatch(each) for each in access_ids):
        raise BadDelegation("an access id holds other characters than ids do")
    return Identity(client_id=client_id, access_ids=access_ids, agent=agent)


def _text(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, Number):
        raise BadDelegation("an id is not text")
    return value
