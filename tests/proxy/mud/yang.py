"""The YANG modules of RFC 8520 and of our extension, as a validator."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from yangson import DataModel
from yangson.enumerations import ContentType, ValidationScope

_ROOT = Path(__file__).parents[3]
_IETF = Path(sys.prefix) / "share/yang/modules/ietf"
"""Where pyang puts the modules of the RFCs."""
_FEATURES = ["match-on-ipv4", "match-on-ipv6", "match-on-tcp", "match-on-udp", "ipv4", "ipv6"]


def _module(name: str, namespace: str, revision: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": f"urn:{namespace}:{name}",
        "revision": revision,
        "conformance-type": "implement",
        **more,
    }


@cache
def model() -> DataModel:
    """Return RFC 8520's data model with the extension."""
    ietf = "ietf:params:xml:ns:yang"
    imported = {"conformance-type": "import"}
    modules = [
        _module("ietf-mud", ietf, "2019-01-28"),
        _module("ietf-acldns", ietf, "2019-01-28"),
        _module("ietf-access-control-list", ietf, "2019-03-04", feature=_FEATURES),
        _module("ietf-packet-fields", ietf, "2019-03-04", **imported),
        _module("ietf-ethertypes", ietf, "2019-03-04", **imported),
        _module("ietf-inet-types", ietf, "2013-07-15", **imported),
        _module("ietf-yang-types", ietf, "2013-07-15", **imported),
        _module("ietf-interfaces", ietf, "2018-02-20"),
        _module("alleyes-mud", "alleyes:yang", "2026-11-26"),
    ]
    library = {"ietf-yang-library:modules-state": {"module-set-id": "mud", "module": modules}}
    return DataModel(json.dumps(library), (str(_IETF), str(_ROOT / "config/mud")))


def check(described: dict[str, Any]) -> None:
    """Demand that a MUD file is valid.

    Raises:
        yangson.exceptions.YangsonException: it is not; the text says where.
    """
    model().from_raw(described).validate(ValidationScope.all, ContentType.config)
