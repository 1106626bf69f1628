"""The callback channel of the VSL: frames that a Knowledge Agent and a service exchange over the WebSocket."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec.structs import replace

from models.access import Access, Operation
from policy.verdict import Refusal, Strength
from proxy.decoders import vsl_errors, vsl_media, vsl_messages
from proxy.decoders.base import FormatError, Frame
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.decoders.strict_cbor import NotStrictCbor
from proxy.decoders.strict_json import NotStrictJson
from proxy.decoders.vsl_media import Form
from proxy.decoders.vsl_messages import Correlation, Invocation, NotAMessage
from proxy.decoders.vsl_streams import AwaitedStreams
from proxy.registry import SiteRegistry, agent_of, service_of

_MOST_OUTSTANDING = 256
_AGENT_TYPE = "/treeRoot"
"""Type of a Knowledge Agent's own address."""
_UNREADABLE = (NotStrictJson, NotStrictCbor, NotAMessage)
_DENIED = vsl_errors.error(vsl_errors.FORBIDDEN, vsl_errors.DENIED)
_NO_VALID_ANSWER = vsl_errors.error(vsl_errors.FAILED, "The service gave no valid answer")


class _Who(NamedTuple):
    """Whose access an invocation repeats."""

    address: str
    service_type: str | None
    strength: Strength


@dataclass
class CallbackChannel:
    """One open channel: the frames of a Knowledge Agent to and from the service at `service`.

    `most_accesses` bounds the nodes of one frame. Which frames are judged, and which belong to a call that was:
    docs/adr/0012.
    """

    service: str
    registry: SiteRegistry
    streams: AwaitedStreams
    most_accesses: int
    _form: Form = vsl_media.JSON
    _outstanding: OrderedDict[Correlation, None] = field(default_factory=OrderedDict)

    @property
    def binary(self) -> bool:
        """Whether frames are binary: CBOR; JSON comes as text."""
        return self._form is vsl_media.CBOR

    def opened(self, content_type: str | None) -> None:
        """Take the format of all frames (see `proxy.decoders.base.Callbacks`)."""
        name = vsl_media.name_of(content_type or self._form.media_type)
        form = vsl_media.FORMS.get(name)
        if form is None:
            raise FormatError(f"callbacks in {name[:48]!r} cannot be judged; let the service accept JSON or CBOR")
        self._form = form

    def from_access_point(self, content: bytes, *, text: bool, now: int) -> Frame:
        """Decode an invocation at event time `now` (ms)."""
        request, of = "frame of the access point", None
        try:
            parsed = self._parse(content, text=text)
            of = vsl_messages.correlation(parsed)
            request = f"{str(parsed.get('invoke'))[:32]} {str(parsed.get('address'))[:200]}"
            invocation = vsl_messages.invocation(parsed, of)
        except _UNREADABLE as bad:
            return Frame(refusal=ambiguous("ambiguous-frame", str(bad)), request=request, correlation=of)
        frame = Frame(canonical=self._form.serialise(invocation.message), request=request, correlation=of)
        return self._judged(frame, invocation, content, now)

    def denial(self, frame: Frame, *, of_service: bool) -> bytes:
        """Return what the Knowledge Agent must hear of a refused frame (see `proxy.decoders.base.Callbacks`)."""
        if frame.correlation is None:
            return b""
        error = _NO_VALID_ANSWER if of_service else _DENIED
        return self._form.serialise(vsl_messages.refusal(frame.correlation, error))

    def passed(self, frame: Frame) -> None:
        """Note that an invocation went to the service: its answer is expected."""
        of = frame.correlation
        if of is None:
            return
        self._outstanding[of] = None
        while len(self._outstanding) > _MOST_OUTSTANDING:
            self._outstanding.popitem(last=False)
        if frame.stream is not None:
            address, sends = frame.stream
            self.streams.expect(self.service, of, address, sends=sends)

    def from_service(self, content: bytes, *, text: bool) -> Frame:
        """Decode a service's answer; only one to an outstanding invocation is passed.

        Where it is to an outstanding one but is no valid answer, the Knowledge Agent hears an error instead: otherwise
        whoever asked would wait for half a minute.
        """
        try:
            parsed = self._parse(content, text=text)
            of = vsl_messages.correlation(parsed)
        except _UNREADABLE as bad:
            return Frame(refusal=ambiguous("ambiguous-frame", str(bad)), request="frame of the service")
        request = f"answer {of[0]} {of[1]}"
        if of not in self._outstanding:
            detail = "the service answers an invocation that is not outstanding"
            return Frame(refusal=ambiguous("unexpected-answer", detail), request=request)
        del self._outstanding[of]
        try:
            answer = vsl_messages.answer(parsed, of)
        except NotAMessage as bad:
            self.streams.forget(self.service, of)
            return Frame(refusal=ambiguous("ambiguous-frame", str(bad)), request=request, correlation=of)
        if answer.failed:
            self.streams.forget(self.service, of)
        return Frame(canonical=self._form.serialise(answer.message), request=request)

    def _parse(self, content: bytes, *, text: bool) -> Any:
        if text is self.binary:
            raise NotAMessage(f"the frame is not in the format of this channel, {self._form.media_type}")
        return self._form.parse(content)

    def _judged(self, frame: Frame, invocation: Invocation, content: bytes, now: int) -> Frame:
        """Return the frame with what is to be judged of it."""
        invoke = invocation.invoke
        if invoke == vsl_messages.NOTIFY:
            return replace(frame, accesses=(self._notification(invocation.address, now),), teaches=True)
        if invoke in vsl_messages.ABOUT_LOCKS:
            return frame
        operation = vsl_messages.WITHIN_VIRTUAL_NODES.get(invoke)
        if operation is None:
            refusal = unsupported("unsupported-operation", f"the invocation {invoke[:32]!r} is not supported")
            return replace(frame, refusal=refusal, canonical=content)
        sends = vsl_messages.STREAMS.get(invoke)
        if sends is not None:
            frame = replace(frame, stream=(invocation.address, sends))
        who = self._who(invocation)
        if who is None:
            return frame
        accesses = tuple(
            self._access(who, f"{invocation.address}/{path}" if path else invocation.address, operation, now, value)
            for path, value in invocation.values[: self.most_accesses]
        ) or (self._access(who, invocation.address, operation, now),)
        why_not = self._not_judged(invocation, accesses)
        return replace(frame, accesses=accesses, strength=who.strength, refusal=why_not)

    def _who(self, invocation: Invocation) -> _Who | None:
        """Return whose access an invocation repeats; None where this gateway judged the call that led to it."""
        requester = invocation.requester
        if requester is None:
            told = invocation.invoke in vsl_messages.ABOUT_SUBSCRIBERS
            return None if told else _Who("unknown", None, Strength.UNKNOWN)
        if requester.agent:
            own = requester.client_id == agent_of(invocation.address)
            if not own and self.registry.is_root(f"/{requester.client_id}"):
                return None  # a peer's call for itself passes here as well; what an agent does at home does not
            return _Who(f"/{requester.client_id}", _AGENT_TYPE, Strength.VOUCHED)
        address = self.registry.address_of(requester.client_id)
        if address is None:
            return _Who(f"client:{requester.client_id}", None, Strength.VOUCHED)
        if self.registry.guards(address):
            return None
        return _Who(address, self.registry.service_type(address), Strength.VOUCHED)

    def _not_judged(self, invocation: Invocation, accesses: tuple[Access, ...]) -> Refusal | None:
        if len(invocation.values) > self.most_accesses:
            return unsupported("too-many-nodes", f"the call touches more than {self.most_accesses} nodes")
        for access in accesses:
            if access.destination_type is None:
                return unsupported("unknown-node", f"nothing is known of {access.node}, so no model can judge the call")
        return None

    def _access(self, who: _Who, address: str, operation: Operation, now: int, value: str | None = None) -> Access:
        node = self.registry.node(address)
        return Access(
            time=now,
            source=who.address,
            source_type=who.service_type,
            source_location=self.registry.location(who.address),
            destination=node.service,
            destination_type=node.service_type,
            destination_location=node.location,
            node=address,
            operation=operation,
            data_type=node.data_type,
            value=value,
        )

    def _notification(self, node: str, now: int) -> Access:
        """Return the access a NOTIFY stands for: the owner of the node notifies the subscriber."""
        owner = service_of(node)
        return Access(
            time=now,
            source=owner,
            source_type=self.registry.service_type(owner),
            source_location=self.registry.location(owner),
            destination=self.service,
            destination_type=self.registry.service_type(self.service),
            destination_location=self.registry.location(self.service),
            node=node,
            operation=Operation.NOTIFY,
            data_type=self.registry.data_type(node),
        )
