"""aiohttp's protocol, but that it tells of requests that cannot be read as all other failures are told.

By itself it writes a stack into the log for each, so that anybody could fill the disk.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
from aiohttp import web

from proxy.federation.service.problem import Failure

log = structlog.get_logger("alleyes")
_LONGEST = 200


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return what a caller is told whose request cannot be read, or has met a defect; the connection ends.

        Raises:
            ConnectionError: a part of an answer was sent already.
        """
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("federation defect", detail=repr(exc)[:_LONGEST])
            failure = Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "defect")
        else:
            failure = Failure(HTTPStatus.BAD_REQUEST, "malformed", "this is no request of HTTP/1.1 within the limits")
        response = failure.response()
        response.force_close()
        return response
