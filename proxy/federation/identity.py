"""Who takes part in a federation, as certificates, tokens and stores name them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
"""What an origin or an operator may be called: the common name of a certificate."""

RoleName = Literal["origin", "operator"]
"""A role as it is stored."""


class Role(StrEnum):
    """What the holder of a certificate may do; the OU of its subject."""

    ORIGIN = "origin"
    """Contribute under its name, and read."""
    OPERATOR = "operator"
    """See the origins and take them out, and read."""
