"""What every error of the VSL carries: the body that a Knowledge Agent's connectors turn into an exception."""

from __future__ import annotations

FORBIDDEN = 403
FAILED = 500
UNAVAILABLE = 503
DENIED = "Access denied by Anomaly detection"
"""What a service is told whose call was refused."""
_TYPE = "org.ds2os.vsl.core.transport.ExceptionMessage$1"


def error(code: int, message: str) -> dict[str, int | str]:
    """Return an error as it stands in an answer's body or in the `error` member of a frame."""
    return {"code": code, "message": message, "type": _TYPE}
