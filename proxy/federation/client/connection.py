"""Calls to a federation service: TLS to the one CA that it was enrolled with, and nothing that is larger than agreed.

What the other side sends is hostile until it has been checked: no redirect is followed, no compression undone, nothing
read beyond its cap, and no answer may take longer than it should, however slowly it drips in.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp
import msgspec

SECONDS = 30.0
"""A call takes no longer, a long-poll this much longer than its wait."""
_CONNECT_SECONDS = 10.0
_SMALL = 16 * 1024
"""Bytes of an answer that is no content: a problem in words."""
_CONNECTIONS = 6
"""Most at a time."""
_LONGEST_DETAIL = 200
_PATIENT = frozenset({429, 503})
_FORBIDDEN = frozenset({401, 403})


class ServiceError(Exception):
    """The service cannot be used, or did not do what it was asked; the text says why, and what can be done."""

    def __init__(self, text: str, *, status: int = 0, code: str = "", retry_after: float = 0.0) -> None:
        """Keep the HTTP status (0: no answer), the problem's code, and the seconds that the service asks for."""
        super().__init__(text)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class AnswerError(ServiceError):
    """The service answered, but what it sent is of no use."""


class Answer(NamedTuple):
    """What the service answered, of what a client understands."""

    status: int
    media: str
    etag: str
    body: bytes


class _ProblemDetails(msgspec.Struct, frozen=True):
    """RFC 9457, as far as people read it."""

    title: str = ""
    detail: str | None = None
    code: str = ""


@dataclass
class Connection:
    """One service. Its TLS connections are kept alive between calls."""

    service: str
    """URL of the service, with nothing after host and port but, maybe, a path."""
    context: ssl.SSLContext | None = None
    """What the service is verified by, and what it is shown; None: nothing yet."""
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def use(self, context: ssl.SSLContext) -> None:
        """Show another certificate from now on. What is under way is cut off, and tried again by whoever asked."""
        self.context = context
        await self.close()

    async def close(self) -> None:
        """Close what is open; the next call opens it again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        most: int = _SMALL,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        wait: float = 0.0,
        expected: frozenset[int] = frozenset({200, 201, 204, 304}),
    ) -> Answer:
        """Ask the service.

        Args:
            method: Of HTTP.
            path: Below the service's URL, with its query; percent-encoded.
            most: Bytes that the answer may have.
            body: Of the request.
            headers: Of the request.
            wait: Seconds for which the service was asked to wait before it answers.
            expected: Statuses that are returned; others are raised.

        Raises:
            ServiceError: there was no answer, or it was none that was expected.
        """
        target = self.service.rstrip("/") + path
        try:
            async with asyncio.timeout(SECONDS + wait):
                session = self._opened()
                async with session.request(
                    method, target, data=body, headers=dict(headers or {}), allow_redirects=False
                ) as response:
                    good = response.status in expected
                    content = await _read(response, most if good else _SMALL)
                    if not good:
                        raise _refusal(response, content)
                    return Answer(
                        response.status, response.content_type, response.headers.get("ETag", "").strip(), content
                    )
        except TimeoutError:
            raise ServiceError(f"{self.service}: no whole answer within {SECONDS + wait:.0f} s") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise ServiceError(
                f"{self.service}: its certificate is not accepted: {_certificate_reason(error)} -- if the service has"
                " a new CA, enrol again (alleyes federation enroll)"
            ) from error
        except (ssl.SSLError, aiohttp.ClientConnectorSSLError) as error:
            raise ServiceError(f"{self.service}: TLS failed: {_reason(error)}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # A broken answer may hold anything, and be as long as it likes.
            text = (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_DETAIL]
            raise ServiceError(f"{self.service}: {text}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            if self.context is None:
                raise ServiceError(f"{self.service}: there is no certificate to show yet")
            self._session = _session(self.context)
        return self._session


def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    """Return a session that verifies by a context, and follows, remembers and unpacks nothing."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "alleyes"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        trust_env=False,
    )


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the whole body.

    Raises:
        AnswerError: it is larger than agreed, or packed.
    """
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise AnswerError(f"the service packs its answers ({response.url.path}), which was not asked for")
    if (response.content_length or 0) > most:
        raise _too_large(response, most)
    found = bytearray()
    async for part in response.content.iter_any():
        found += part
        if len(found) > most:
            raise _too_large(response, most)
    return bytes(found)


def _too_large(response: aiohttp.ClientResponse, most: int) -> AnswerError:
    response.close()
    return AnswerError(f"the answer to {response.url.path} is larger than {most} bytes")


def _refusal(response: aiohttp.ClientResponse, content: bytes) -> ServiceError:
    status = response.status
    problem = _problem(content)
    said = _told(problem)
    place = f"{response.method} {response.url.raw_path}: {status}"
    if status in _FORBIDDEN:
        text = f"{place}: the service does not admit this origin{said} -- enrol again (alleyes federation enroll)"
    elif 300 <= status < 400:  # noqa: PLR2004 -- as HTTP has it
        text = f"{place}: the service sends elsewhere, which is not followed -- correct `federation.service`"
    else:
        text = f"{place}{said}"
    wanted = 0.0
    if status in _PATIENT:
        with suppress(ValueError):
            wanted = max(0.0, float(response.headers.get("Retry-After", "0")))
    return ServiceError(text, status=status, code=problem.code, retry_after=wanted)


def _problem(content: bytes) -> _ProblemDetails:
    try:
        return msgspec.json.decode(content, type=_ProblemDetails)
    except msgspec.MsgspecError:
        return _ProblemDetails()


def _told(problem: _ProblemDetails) -> str:
    text = (problem.detail or problem.title)[:_LONGEST_DETAIL]
    return f": {text}" if text.isprintable() and text else ""


def _certificate_reason(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return getattr(cause, "verify_message", "") or str(cause)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)[:_LONGEST_DETAIL]
