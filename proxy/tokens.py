"""API tokens: what the inventory knows of them are hashes, so that whoever reads it cannot use them.

The hash is not slow, as it is made with every call: what is to be known by it has to be too long to be guessed.
"""

from __future__ import annotations

import hashlib

SHORTEST = 16
"""Characters of the shortest token that is hashed for the inventory."""
_PERSON = b"alleyes token"
_BYTES = 32


def hash_of(token: str) -> str:
    """Return the hash of a token, in hexadecimal digits; the token as it stands in a request, without its scheme."""
    return hashlib.blake2b(token.encode("utf-8", "surrogateescape"), digest_size=_BYTES, person=_PERSON).hexdigest()
