"""What somebody looks for in the audit log. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.audit.event import told
from proxy.audit.reader import Record


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a record must fit; what is left out fits anything."""

    since: str | None = None
    """First time, RFC 3339 as records have it."""
    until: str | None = None
    """First time after them."""
    kind: str | None = None
    sender: str | None = None
    """Address, network address or client id of the sender."""
    service_type: str | None = None
    """Of the sender."""
    destination: str | None = None
    """Address or service type of a service that was accessed, or address of a node."""
    operation: str | None = None
    action: str | None = None
    would_be: str | None = None
    reason: str | None = None
    least_av: float | None = None
    text: str | None = None
    """Somewhere in the record or its sentence, in letters of either case."""

    def may_fit(self, line: bytes) -> bool:
        """Tell cheaply, and without reading it, whether a line may fit."""
        return all(each is None or msgspec.json.encode(each)[1:-1] in line for each in self._literally())

    def fits(self, record: Record) -> bool:
        """Tell whether a record fits."""
        data = record.data
        return self._in_time(data) and self._fits_fields(data) and self._fits_text(record)

    def _literally(self) -> tuple[str | None, ...]:
        return (
            *(self.kind, self.sender, self.service_type, self.destination, self.operation),
            *(self.action, self.would_be, self.reason),
        )

    def _in_time(self, data: Mapping[str, Any]) -> bool:
        time = str(data.get("time", ""))
        return (self.since is None or time >= self.since) and (self.until is None or time < self.until)

    def _fits_fields(self, data: Mapping[str, Any]) -> bool:
        sender = _mapping(data.get("sender"))
        accesses = [_mapping(each) for each in _list(data.get("accesses"))]
        types = {sender.get("service_type"), *(each.get("source_type") for each in accesses[:1])}
        av = data.get("av")
        return (
            self.kind in (None, data.get("kind"))
            and self.sender in (None, sender.get("address"), sender.get("ip"), sender.get("client_id"))
            and (self.service_type is None or self.service_type in types)
            and (self.destination is None or any(self._accesses(each) for each in accesses))
            and (self.operation is None or any(each.get("operation") == self.operation for each in accesses))
            and self.action in (None, data.get("action"))
            and self.would_be in (None, data.get("would_be"))
            and self.reason in (None, data.get("reason"))
            and (self.least_av is None or (isinstance(av, int | float) and av >= self.least_av))
        )

    def _accesses(self, access: Mapping[str, Any]) -> bool:
        return self.destination in (access.get("destination"), access.get("destination_type"), access.get("node"))

    def _fits_text(self, record: Record) -> bool:
        if self.text is None:
            return True
        wanted = self.text.casefold()
        line = record.line.decode("utf-8", "replace")
        return wanted in line.casefold() or wanted in (told(record.data) or "").casefold()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
