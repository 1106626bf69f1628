"""What names of types look like: nothing else may leave a site in the place of one, nor come from elsewhere."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_NAME = 128
"""Characters of a name."""
_TYPE = re.compile(r"(?:/[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*){1,4}")
"""`/lightControler`, `/derived/boolean`, `/system/searchProvider`, `/oic.r.switch`: paths of models, in ASCII."""
_AGENT = re.compile(r"/agent[0-9]+(?:/|$)", re.IGNORECASE)
"""Agents are called like this unless somebody names them otherwise; a service's address begins with its agent."""
_IDENTIFIER = re.compile(
    r"(?:[0-9a-f]{2}[.-]){5}[0-9a-f]{2}|(?=[a-f.-]*[0-9])[0-9a-f](?:[.-]?[0-9a-f]){11}", re.IGNORECASE
)
"""Twelve hexadecimal digits: link addresses, serial numbers, UUIDs."""
_LETTER = re.compile(r"[A-Za-z]")


def names_a_type(name: str) -> bool:
    """Whether this may be the name of a type, and not an address, a number, or text that somebody wrote.

    An address in the form of a type, on an agent that is not called `agent` and a number, is not told from one.
    """
    return len(name) <= MAX_NAME and _looks_like_one(name)


@lru_cache(maxsize=4096)
def _looks_like_one(name: str) -> bool:
    if _TYPE.fullmatch(name) is None or _AGENT.match(name) or _IDENTIFIER.search(name):
        return False
    return all(map(_LETTER.search, name[1:].split("/")))
