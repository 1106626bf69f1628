"""Records as they are read, for the tests of the forms that they are exported in."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.audit.chain import encode
from proxy.audit.event import Kind, Notice, VerdictEvent, record
from tests.policy.calls import NOW
from tests.proxy.audit.events import verdict

_PLACE = {"sequence": 7, "hash": "a" * 64}


def of_verdict() -> dict[str, Any]:
    judged = verdict(3)
    asked = msgspec.structs.replace(judged.call, request="GET /vsl/agent1/tempin1/temperature")
    event = VerdictEvent(verdict=msgspec.structs.replace(judged, call=asked), time=NOW)
    return msgspec.json.decode(encode(record(event)), type=dict[str, Any]) | _PLACE


def of_notice() -> dict[str, Any]:
    notice = Notice(kind=Kind.START, time=NOW, sentence="It started.", details={"mode": "learn"})
    return msgspec.json.decode(encode(record(notice)), type=dict[str, Any]) | _PLACE
