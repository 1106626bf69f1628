"""Judges what one connection of a service brings: requests, frames, and what is neither.

The refusal stands first; a ruling that releases something is the last step of each judgement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from models.access import Access
from policy.quarantine import identity_of
from policy.verdict import Call, Sender, Strength, Verdict
from proxy.callers import Caller, caller_of, with_type
from proxy.connections import Connection
from proxy.decoders.base import Answer, Callbacks, Decoded, Decoder, FormatError, Frame, Request
from proxy.decoders.refusals import ambiguous
from proxy.enforcement import Enforcement
from proxy.http1.bad_message import BadMessage
from proxy.http1.call import Relayed, Ruling
from proxy.inference import Inference
from proxy.registry import SiteRegistry
from proxy.transactions import Transactions

_WRITING = frozenset({"PUT", "POST"})
"""Methods of requests that may write, where nobody knows what else they mean."""


@dataclass(frozen=True)
class Judging:
    """What the judgement of every connection needs, and what it tells."""

    enforcement: Enforcement
    registry: SiteRegistry
    transactions: Transactions
    on_miss: Callable[[str], None]
    """Called with the address of a node or service of which nothing is known; the call was judged without."""
    on_sighting: Callable[[Sender, str], None]
    """Called with sender and identity of each sender that is served; cheap."""
    on_broken: Callable[[str, BaseException], None]
    """Called with the place and the exception where the gateway itself failed; the call was refused."""
    on_rollback: Callable[[str, Verdict], None]
    """Called with the root of a transaction that the gateway ends of its own accord, and the refusal that led to it."""
    on_misbehaviour: Callable[[str, BadMessage], None]
    """Called with the agent and the reason where an access point sent what it should not."""
    inference: Inference = field(default_factory=lambda: Inference(()))
    """Types of senders of which nobody knows it."""


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
        now = judging.enforcement.now()
        caller = with_type(caller_of(request, live, judging.registry), judging.inference, now)
        sender = caller.sender
        identity = identity_of(sender)
        decoded = self._decode(caller, now)
        transactions = judging.transactions
        owner = identity if caller.owner is sender else identity_of(caller.owner)
        verdict = judging.enforcement.judge(
            Call(
                sender=sender,
                accesses=decoded.accesses,
                time=now,
                # Half a transaction is committed in no mode; what else there may be obeys the mode, as it was decoded.
                refusal=transactions.objection(identity, decoded.accesses) or decoded.refusal,
                request=_in_words(request, decoded, decoder),
                may_quarantine=caller.may_quarantine and not decoded.asked_for,
            )
        )
        self._note_misses(sender, decoded.accesses)
        if not verdict.forwarded or decoded.outbound is None:
            answer = _referring(decoder.refuse(request.method), verdict)
            agency = decoder.agency
            if agency is None:
                return Ruling(answer=answer, outbound=None)
            reads = request.method not in _WRITING
            root = transactions.refused(identity, decoded.accesses, verdict.id, reads=reads)
            undo = None if root is None else agency.rollback(root, caller.delegation)
            if root is not None:
                judging.on_rollback(root, verdict)
            return Ruling(answer=answer, outbound=None, undo=undo, identity=owner)
        answered = transactions.forwarded(identity, decoded.accesses)
        judging.on_sighting(caller.owner, owner)
        if decoded.opens_callbacks or decoded.lasting:
            live.channel = True
            live.channel_of = identity
        return Ruling(
            answer=None,
            outbound=decoded.outbound,
            # Where each call tells by itself who makes it, with or without a token, the connection is nobody's.
            identity=owner if decoder.agency is not None else live.ip,
            lasting=decoded.lasting,
            conclude=partial(self._conclude, verdict, answered, teaches=caller.teaches),
            channel=self._channel(sender) if decoded.opens_callbacks else None,
            refreshes=_agent_of(decoded.accesses) if decoded.changes_nodes else None,
            stream=decoded.stream,
        )

    def _decode(self, caller: Caller, now: int) -> Decoded:
        live = self._live
        if live.identity_problem is not None:
            return Decoded(refusal=live.identity_problem)
        shown = live.identity or live.peer or live.certified
        if shown is None and live.destination.point.wants_certificates:
            return Decoded(refusal=ambiguous("no-certificate", "the service shows no certificate"))
        if caller.refusal is not None:
            return Decoded(refusal=caller.refusal)
        decoder = live.destination.decoder
        if caller.agent and caller.delegation is not None and decoder.agency is not None:
            return decoder.agency.exchange(caller.request, caller.sender, now, caller.delegation)
        decoded = decoder.decode(caller.request, caller.sender, now, caller.delegation)
        misplaced = live.misplaced or caller.misplaced
        if misplaced is not None and (decoded.refusal is None or not decoded.refusal.every_mode):
            # Before what the policy may forward: who acts with another's key is not to be told by what it asks for.
            return msgspec.structs.replace(decoded, refusal=misplaced)
        return decoded

    def _conclude(
        self,
        verdict: Verdict,
        answered: Callable[[bool], None] | None,
        accepted: bool,  # noqa: FBT001 -- called by the HTTP layer
        *,
        teaches: bool,
    ) -> None:
        if answered is not None:
            answered(accepted)
        self._judging.enforcement.conclude(verdict, accepted=accepted and teaches)

    def _note_misses(self, sender: Sender, accesses: tuple[Access, ...]) -> None:
        """Let what nobody knows be looked for; not for strangers, who may invent whatever they like."""
        if sender.strength is Strength.UNKNOWN:
            return
        if sender.service_type is None or sender.inferred:
            self._judging.on_miss(sender.address)
        for access in accesses:
            if access.data_type is None:
                self._judging.on_miss(access.node)

    def _channel(self, sender: Sender) -> ChannelJudge:
        agency = self._live.destination.decoder.agency
        if agency is None:
            raise AssertionError("a channel of an access point that calls nobody back")
        return ChannelJudge(self._judging, self._live, agency.callbacks(sender.address))

    def malformed(self, problem: BadMessage, line: str, begun: Request | None = None) -> Answer:
        """Record what is no request, and return the answer to it (see `proxy.http1.call.CallJudge`).

        It was the call of whoever its head names. Only what begins as a request to write may have been meant to: no
        frame of a channel, least of all one of the access point, and nothing of which not even the method is known.
        """
        registry = self._judging.registry
        sender = self._live.sender(registry) if begun is None else caller_of(begun, self._live, registry).sender
        verdict = self._judging.enforcement.judge(
            Call(
                sender=sender,
                accesses=(),
                time=self._judging.enforcement.now(),
                refusal=ambiguous(problem.code, problem.detail),
                request=self._live.destination.decoder.in_words(line),
            )
        )
        method = line.partition(" ")[0]
        if method in _WRITING:
            self._judging.transactions.refused(identity_of(sender), (), verdict.id, reads=False)
        return _referring(self._live.destination.decoder.refuse(method), verdict)

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
        onward = frame.canonical if self._may_pass(frame) else self._callbacks.denial(frame, of_service=True)
        return Relayed(onward=onward, binary=self._callbacks.binary)

    def from_access_point(self, content: bytes, *, text: bool) -> Relayed:
        """Judge an invocation; the access point hears of a refusal, so that it does not wait for the answer."""
        now = self._judging.enforcement.now()
        frame = self._callbacks.from_access_point(content, text=text, now=now)
        binary = self._callbacks.binary
        if not self._may_pass(frame):
            return Relayed(back=self._callbacks.denial(frame, of_service=False), binary=binary)
        self._callbacks.passed(frame)
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


def _in_words(request: Request, decoded: Decoded, decoder: Decoder) -> str:
    """Return a request for the audit, without credentials; of a stream, which means nothing, its size."""
    line = decoded.request or decoder.in_words(f"{request.method} {request.target[:512]}")
    return f"{line} ({len(request.body)} bytes)" if decoded.stream and request.body else line


def _agent_of(accesses: tuple[Access, ...]) -> str | None:
    """Return the agent that has the nodes of a call: for lists not always the one that is called."""
    return accesses[0].node.split("/", 2)[1] if accesses else None


def _referring(answer: Answer, verdict: Verdict) -> Answer:
    """Return an answer that names the verdict, for whoever asks why."""
    return Answer(answer.status, (*answer.headers, ("alleyes-reference", verdict.id)), answer.body)
