"""Answers of the gateway's own, in the form that a mapping says its middleware's clients understand."""

from __future__ import annotations

from proxy.decoders import strict_json
from proxy.decoders.base import Answer
from proxy.decoders.rest.mapping import ErrorForm, MappingDocument

DENIED = "Access denied by Anomaly detection"
"""What a service is told whose call was refused."""
UNAVAILABLE = 503


class ErrorForms:
    """The error forms of a mapping."""

    def __init__(self, mapping: MappingDocument) -> None:
        self._refusal = mapping.refusal
        self._unavailable = mapping.unavailable or mapping.refusal.model_copy(update={"status": UNAVAILABLE})

    def refused(self, method: str) -> Answer:
        """Return the answer to a call that was refused."""
        return _answer(method, self._refusal, DENIED)

    def unavailable(self, method: str, message: str) -> Answer:
        """Return the answer to a call that the access point did not answer, with the reason."""
        return _answer(method, self._unavailable, message)


def _answer(method: str, form: ErrorForm, message: str) -> Answer:
    escaped = strict_json.serialise(message)[1:-1].decode()
    body = b"" if method == "HEAD" else form.body.replace("{message}", escaped).encode()
    return Answer(form.status, (("content-type", form.content_type), ("connection", "close")), body)
