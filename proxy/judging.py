"""Judges what one connection of a service brings: requests, frames, and what is neither.

The refusal stands first; a ruling that releases something is the last step of each judgement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from policy.quarantine import identity_of
from policy.verdict import Call, Sender, Verdict
from proxy.configuration import TlsMode
from proxy.connections import Connection
from proxy.decoders.base import Answer, Callbacks, Decoded, FormatError, Frame, Request
from proxy.decoders.refusals import ambiguous
from proxy.enforcement import Enforcement
from proxy.http1.bad_message import BadMessage
from proxy.http1.call import Relayed, Ruling
from proxy.registry import SiteRegistry


@dataclass(frozen=True)
class Judging:
    """What the judgement of every connection needs, and what it tells."""

    enforcement: Enforcement
    registry: SiteRegistry
    on_sighting: Callable[[Sender, str], None]
    """Called with sender and identity of each sender that is served; cheap."""
    on_broken: Callable[[str, BaseException], None]
    """Called with the place and the exception where the gateway itself failed; the call was refused."""
    on_misbehaviour: Callable[[str, BadMessage], None]
    """Called with the agent and the reason where an access point sent what it should not."""


class ConnectionJudge:
    """Judges one connection (`proxy.http1.call.CallJudge`)."""

    def __init__(self, judging: Judging, live: Connection) -> None:
        self._judging = judging
        self._live = live

    def judge(self, request: Request) -> Ruling:
        """Judge a whole request; the answer of a refusal names the verdict.

        Raises:
            Exception: whatever goes wrong; the call must then be refused.
        """
        judging, live = self._judging, self._live
        decoder = live.destination.decoder
        sender = live.sender(judging.registry)
        now = judging.enforcement.now()
        decoded = self._decode(request, sender, now)
        verdict = judging.enforcement.judge(
            Call(
                sender=sender,
                accesses=decoded.accesses,
                time=now,
                refusal=decoded.refusal,
                request=_in_words(request, decoded),
                may_quarantine=not decoded.asked_for,
            )
        )
        if not verdict.forwarded or decoded.outbound is None:
            return Ruling(answer=_referring(decoder.refuse(request.method), verdict), outbound=None)
        identity = identity_of(sender)
        judging.on_sighting(sender, identity)
        live.channel = decoded.opens_callbacks
        return Ruling(
            answer=None,
            outbound=decoded.outbound,
            identity=identity,
            conclude=lambda accepted: judging.enforcement.conclude(verdict, accepted=accepted),
            channel=self._channel(sender) if decoded.opens_callbacks else None,
            refreshes=live.destination.point.agent if decoded.changes_nodes else None,
            stream=decoded.stream,
        )

    def _decode(self, request: Request, sender: Sender, now: int) -> Decoded:
        live = self._live
        if live.destination.point.tls is TlsMode.REQUIRED and live.identity is None:
            missing = ambiguous("no-certificate", "the service shows no certificate")
            return Decoded(refusal=live.identity_problem or missing)
        decoded = live.destination.decoder.decode(request, sender, now, live.delegation(sender))
        if live.misplaced is not None and decoded.refusal is None:
            return msgspec.structs.replace(decoded, refusal=live.misplaced)
        return decoded

    def _channel(self, sender: Sender) -> ChannelJudge:
        return ChannelJudge(self._judging, self._live, self._live.destination.decoder.callbacks(sender.address))

    def malformed(self, problem: BadMessage, line: str) -> Answer:
        """Record what is no request, and return the answer to it."""
        verdict = self._judging.enforcement.judge(
            Call(
                sender=self._live.sender(self._judging.registry),
                accesses=(),
                time=self._judging.enforcement.now(),
                refusal=ambiguous(problem.code, problem.detail),
                request=line,
            )
        )
        return _referring(self._live.destination.decoder.refuse(line.partition(" ")[0]), verdict)

    def unavailable(self, message: str) -> Answer:
        """Return the answer to a call that could not be judged, or that the access point did not answer."""
        return self._live.destination.decoder.unavailable("GET", message)

    def broken(self, place: str, error: BaseException) -> None:
        """Record that the gateway itself failed."""
        self._judging.on_broken(place, error)

    def misbehaved(self, problem: BadMessage) -> None:
        """Record that the access point sent what it should not."""
        self._judging.on_misbehaviour(self._live.destination.point.agent, problem)


class ChannelJudge:
    """Judges the frames of one callback channel (`proxy.http1.call.Channel`)."""

    def __init__(self, judging: Judging, live: Connection, callbacks: Callbacks) -> None:
        self._judging = judging
        self._live = live
        self._callbacks = callbacks

    def opened(self, content_type: str | None) -> None:
        """Take the format of the messages.

        Raises:
            BadMessage: it is not one that can be judged.
        """
        try:
            self._callbacks.opened(content_type)
        except FormatError as error:
            raise BadMessage("bad-answer", str(error)) from error

    def from_service(self, content: bytes, *, text: bool) -> Relayed:
        """Judge an answer of the service; the access point hears of a refusal, so that it does not wait."""
        frame = self._callbacks.from_service(content, text=text)
        onward = frame.canonical if self._may_pass(frame) else frame.reply_if_refused
        return Relayed(onward=onward, binary=self._callbacks.binary)

    def from_access_point(self, content: bytes, *, text: bool) -> Relayed:
        """Judge an invocation; the access point hears of a refusal, so that it does not wait for the answer."""
        now = self._judging.enforcement.now()
        frame = self._callbacks.from_access_point(content, text=text, now=now)
        binary = self._callbacks.binary
        if not self._may_pass(frame):
            return Relayed(back=frame.reply_if_refused, binary=binary)
        self._callbacks.passed(frame, now)
        return Relayed(onward=frame.canonical, binary=binary)

    def _may_pass(self, frame: Frame) -> bool:
        if not frame.accesses and frame.refusal is None:
            return True
        call = Call(
            sender=self._sender(frame),
            accesses=frame.accesses,
            time=self._judging.enforcement.now(),
            refusal=frame.refusal,
            request=frame.request,
            may_quarantine=False,
        )
        verdict = self._judging.enforcement.judge(call)
        if verdict.forwarded and frame.teaches:
            self._judging.enforcement.conclude(verdict, accepted=True)
        return verdict.forwarded and bool(frame.canonical)

    def _sender(self, frame: Frame) -> Sender:
        """Return who answers for a frame: whose accesses the access point says it repeats, else the service."""
        live = self._live
        if not frame.accesses:
            return live.sender(self._judging.registry)
        access, point = frame.accesses[0], live.destination.point
        return Sender(
            address=access.source,
            service_type=access.source_type,
            strength=frame.strength,
            ip=str(point.ipv4 or point.ipv6),
        )


def _in_words(request: Request, decoded: Decoded) -> str:
    """Return a request for the audit; of a stream, which means nothing, its size."""
    line = f"{request.method} {request.target[:512]}"
    return f"{line} ({len(request.body)} bytes)" if decoded.stream and request.body else line


def _referring(answer: Answer, verdict: Verdict) -> Answer:
    """Return an answer that names the verdict, for whoever asks why."""
    return Answer(answer.status, (*answer.headers, ("alleyes-reference", verdict.id)), answer.body)
