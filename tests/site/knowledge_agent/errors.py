"""The two kinds of errors of a Knowledge Agent (source: vsl-rest, section 3.2)."""

from __future__ import annotations

from http import HTTPStatus

ERROR_TYPE = "org.ds2os.vsl.core.transport.ExceptionMessage$1"
"""What stands in every error's `type`, so that clients can go by the code only."""


class KnowledgeAgentError(Exception):
    """An error raised by VSL logic: its body goes with the answer to any method."""

    def __init__(self, code: int, message: str) -> None:
        """Take the HTTP status and the text of the body."""
        super().__init__(message)
        self.code = code
        self.message = message


class TransportError(Exception):
    """An error raised by the HTTP layer: only GET and POST answers have the body, with the standard reason phrase."""

    def __init__(self, code: int) -> None:
        """Take the HTTP status."""
        self.code = code
        self.message = HTTPStatus(code).phrase
        super().__init__(self.message)
