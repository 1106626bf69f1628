"""Guesses from names which header fields, cookies and parameters carry the credential of a sender."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from proxy.decoders.rest.mapping import OWN

MOST_TOKENS = 8
"""As many places of credentials as a mapping may have."""
_SECRET = re.compile(
    r"(.*[^a-z])?(api_?-?key|key|token|access_?-?token|auth|authori[sz]ation|secret|session|[a-z]*sess(ion)?[_-]?id|sid|jwt|password"
    r"|passwd|passphrase|pwd|pass|psk|pin|credentials?)([^a-z].*)?",
    re.IGNORECASE,
)
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_CREDENTIAL = re.compile(r".*(csrf|xsrf).*", re.IGNORECASE)

TokenDraft = Mapping[str, str | bool]
"""A place of a credential, as a mapping file has it."""


def is_secret(name: str) -> bool:
    """Tell whether a name is that of a credential, or of a secret value: `apikey`, `X-Auth-Token`, `wifiPassword`."""
    return _SECRET.fullmatch(_HUMPS.sub("_", name)) is not None and not _NO_CREDENTIAL.fullmatch(name)


def tokens_in(fields: Iterable[str], parameters: Iterable[str]) -> list[TokenDraft]:
    """Return the places of credentials among what was seen.

    Args:
        fields: Names of header fields, `authorization:SCHEME`, and `cookie:NAME`.
        parameters: Names of parameters of targets.
    """
    named = dict.fromkeys(fields)
    found: list[TokenDraft] = []
    for field in named:
        kind, _, name = field.partition(":")
        if kind == "authorization" and name:
            # What is computed anew with every call is known to nobody.
            found.append({"header": kind, "scheme": name} | ({"identifies": False} if name.lower() == "digest" else {}))
        elif kind == "cookie" and is_secret(name):
            found.append({"cookie": name})
        elif not name and kind != "authorization" and kind not in OWN and is_secret(kind):
            found.append({"header": kind})
    if "authorization" in named:
        found.append({"header": "authorization"})  # it takes any scheme, so it comes after those with one
    # A mapping may have one parameter that is a credential wherever it stands.
    found += [{"query": name} for name in parameters if is_secret(name)][:1]
    return found[:MOST_TOKENS]


def passed_fields(fields: Iterable[str], tokens: Sequence[TokenDraft]) -> list[str]:
    """Return the header fields that are passed on without being a credential."""
    taken = {token.get("header") for token in tokens}
    plain = [each for each in dict.fromkeys(fields) if ":" not in each]
    return [each for each in plain if each not in taken and each not in OWN]
