"""Reads what comes with a request: of the right kind, no larger and no slower than agreed."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import NoReturn

import msgspec
from aiohttp import hdrs, web

from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.problem import Failure

_CLOSE = {"Connection": "close"}
JSON = "application/json"


class Bodies:
    """For all requests of a service."""

    def __init__(self, limits: ServiceLimits) -> None:
        """Keep the limits."""
        self._seconds = limits.body_seconds

    async def read(self, request: web.Request, media: str, most: int) -> bytes:
        """Return the body of a request.

        Args:
            request: Its head.
            media: The only media type that it may have.
            most: Bytes; one that says to be larger is refused before it is read.

        Raises:
            Failure: it is of another kind (415), too large (413), or too slow (408).
        """
        if request.content_type != media or hdrs.CONTENT_TYPE not in request.headers:
            raise Failure(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", f"send {media}", headers={"Accept": media})
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            refused = {"Accept-Encoding": "identity"}
            raise Failure(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "send it unpacked", headers=refused)
        if (request.content_length or 0) > most:
            _too_large(most)
        if request.content.is_eof():
            # All of it came with the head, or right after.
            whole = request.content.read_nowait(-1)
            return whole if len(whole) <= most else _too_large(most)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > most:
                        _too_large(most)
        except TimeoutError:
            detail = f"it has to be there within {self._seconds} s"
            raise Failure(HTTPStatus.REQUEST_TIMEOUT, "slow", detail, headers=_CLOSE) from None
        return bytes(body)

    async def decode[T](self, request: web.Request, form: type[T], most: int) -> T:
        """Return the JSON body of a request, checked against its form.

        Raises:
            Failure: as for `read`, or it is not of that form (400).
        """
        body = await self.read(request, JSON, most)
        try:
            return msgspec.json.decode(body, type=form)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Failure(HTTPStatus.BAD_REQUEST, "malformed", f"the body: {error}") from error


def _too_large(most: int) -> NoReturn:
    detail = f"it may have {most} bytes"
    raise Failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, headers=_CLOSE)


async def expect(request: web.Request) -> web.Response | None:
    """Answer `Expect: 100-continue`; the body is only asked for, what is wrong with it is told by its reader."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        return web.Response(status=HTTPStatus.EXPECTATION_FAILED.value)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None
