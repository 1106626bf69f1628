"""The HTTP layer between mitmproxy's TLS layers and its sockets: refuses first, and releases what was judged.

Sans-io as mitmproxy's own layers: events come in, commands go out. One connection of a service has at most one
connection to its access point; when either ends, so does the other. Nothing is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from mitmproxy.proxy import commands, context, events, layer

from proxy.decoders.base import Answer, Outbound
from proxy.http1 import serialiser
from proxy.http1.bad_message import BadMessage
from proxy.http1.call import CallJudge, RegisteredHook, Ruling
from proxy.http1.chunked import LAST_CHUNK, chunk
from proxy.http1.deadlines import Deadline, Phase
from proxy.http1.relay import MessageLimits, Relay, Sent
from proxy.http1.request_reader import Progress, Received, RequestReader
from proxy.http1.response_reader import ResponseReader
from proxy.http1.room import BodyLimits

_FIRST_ERROR = 400
_UNREACHABLE = "The access point cannot be reached"
_BAD_ANSWER = "The access point gave no valid answer"
_BROKEN = "The gateway could not judge the call"
_CHANGED = "The caller is no longer the one that this connection belongs to"
_PHASES = {Progress.HEAD: Phase.HEAD, Progress.BODY: Phase.BODY}


class _Upstream(Enum):
    CLOSED = auto()
    OPENING = auto()
    OPEN = auto()


class _Exchange:
    """A request that was released, and its answer."""

    __slots__ = ("begun", "chunked", "close", "concluded", "held", "instead", "method", "reader", "request", "ruling")

    def __init__(self, ruling: Ruling, outbound: Outbound, received: Received, answers: BodyLimits) -> None:
        self.ruling = ruling
        self.request = serialiser.request(outbound)
        self.method = received.request.method
        self.close = not received.keep_alive
        self.reader = ResponseReader(
            self.method, answers.stream if ruling.stream else answers.usual, endless=ruling.lasting
        )
        self.concluded = False
        self.begun = False
        """Something of the answer has been sent."""
        self.chunked = False
        self.held: bytearray | None = None if ruling.refreshes is None else bytearray()
        """The answer, where it waits for something."""
        self.instead = ruling.answer
        """What the service gets instead of the answer, where the request was the gateway's own."""


class Http1Layer(layer.Layer):
    """Speaks HTTP/1.1 with a service and its access point, and WebSocket where a call opened a callback channel."""

    def __init__(
        self,
        of: context.Context,
        *,
        judge: CallJudge,
        requests: RequestReader,
        deadline: Deadline,
        answers: BodyLimits,
        messages: MessageLimits,
        waiting_bytes: int,
    ) -> None:
        """Stand in a connection's context.

        Args:
            of: The context.
            judge: Judges what the connection brings.
            requests: Reads it.
            deadline: Follows the phases of the connection.
            answers: Largest bodies of answers.
            messages: Largest messages of a callback channel.
            waiting_bytes: Most that may wait while a request is under way.
        """
        super().__init__(of)
        self._judge = judge
        self._requests = requests
        self._deadline = deadline
        self._answers = answers
        self._messages = messages
        self._waiting_bytes = waiting_bytes
        self._upstream = _Upstream.CLOSED
        self._identity: str | None = None
        self._exchange: _Exchange | None = None
        self._relay: Relay | None = None
        self._closed = False
        self._commands: list[commands.Command] = []
        """What the event under way leads to."""

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Take an event at once: no command of this layer makes it wait (`_without_waiting`), so none is kept back."""
        return self._handle_event(event)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if self._closed:
            return
        try:
            self._dispatch(event)
        except Exception as error:  # noqa: BLE001 -- mitmproxy would leave the connection open, with nobody at its end
            self._judge.broken("http1", error)
            self._give_up(_BROKEN)
        given, self._commands = self._commands, []
        yield from given

    def _dispatch(self, event: events.Event) -> None:
        match event:
            case events.DataReceived():
                if event.connection is self.context.client:
                    self._from_service(event.data)
                else:
                    self._from_access_point(event.data)
            case events.ConnectionClosed():
                if event.connection is self.context.client:
                    self._close()
                else:
                    self._access_point_left()
            case events.OpenConnectionCompleted():
                self._opened(event.reply)
            case events.HookCompleted():
                self._deliver_held()
            case events.Start():
                self._deadline.enter(Phase.FIRST_REQUEST)
            case _:
                raise AssertionError(f"unexpected event {event}")

    def _to_service(self, data: bytes) -> None:
        self._commands.append(commands.SendData(self.context.client, data))

    def _to_access_point(self, data: bytes) -> None:
        self._commands.append(commands.SendData(self.context.server, data))

    def _without_waiting(self, command: commands.Command) -> None:
        """Give a command that is answered later; this layer goes on taking events, so that nothing piles up unseen."""
        command.blocking = self  # not `True`: as mitmproxy's layers do themselves
        self._commands.append(command)

    # What the service sends.

    def _from_service(self, data: bytes) -> None:
        if self._relay is not None:
            self._deadline.renew()
            self._relayed(self._relay.from_service, data)
            return
        self._requests.feed(data)
        if self._exchange is None:
            self._next_requests()
        elif self._requests.waiting > self._waiting_bytes:
            problem = BadMessage("too-much-waiting", f"more than {self._waiting_bytes} bytes came during a call")
            self._judge.malformed(problem, "")
            self._close()

    def _next_requests(self) -> None:
        """Judge what has come, one request after the other, until one is released or no more is complete."""
        while self._exchange is None and not self._closed:
            try:
                received = self._requests.next()
            except BadMessage as problem:
                self._refuse(self._judge.malformed(problem, self._requests.line, self._requests.begun))
                return
            if received is None:
                phase = _PHASES.get(self._requests.progress)
                if phase is not None:
                    self._deadline.enter(phase)
                if self._requests.take_expectation():
                    self._to_service(serialiser.CONTINUE)
                return
            self._ask(received)

    def _ask(self, received: Received) -> None:
        self._deadline.enter(Phase.ANSWER)
        method = received.request.method
        ruling = self._judge.judge(received.request)
        outbound = ruling.outbound if ruling.answer is None else ruling.undo
        if outbound is None:
            self._refuse(ruling.answer or self._judge.unavailable(_BROKEN), method)
            return
        exchange = _Exchange(ruling, outbound, received, self._answers)
        if self._identity not in {None, ruling.identity}:
            self._conclude(exchange, accepted=False)
            self._refuse(exchange.instead or self._judge.unavailable(_CHANGED), method)
            return
        self._identity = ruling.identity
        self._exchange = exchange
        if ruling.lasting:
            self._deadline.enter(Phase.LASTING)
        if self._upstream is _Upstream.OPEN:
            self._to_access_point(exchange.request)
            return
        self._upstream = _Upstream.OPENING
        self._without_waiting(commands.OpenConnection(self.context.server))

    def _refuse(self, answer: Answer, method: str = "GET") -> None:
        self._to_service(serialiser.answer(answer, head_only=method == "HEAD"))
        self._close()

    # What the access point sends.

    def _opened(self, problem: str | None) -> None:
        exchange = self._exchange
        if exchange is None:
            raise AssertionError("nobody asked for a connection")
        if problem is not None:
            self._upstream = _Upstream.CLOSED
            self._give_up(_UNREACHABLE)
            return
        self._upstream = _Upstream.OPEN
        self._to_access_point(exchange.request)

    def _from_access_point(self, data: bytes) -> None:
        if self._relay is not None:
            self._relayed(self._relay.from_access_point, data)
            return
        exchange = self._exchange
        if exchange is None:
            problem = BadMessage("bad-answer", "something came that answers no call")
            self._judge.misbehaved(problem)
            self._close()
            return
        if exchange.ruling.lasting:
            self._deadline.renew()
        try:
            self._answered(exchange, exchange.reader.feed(data))
        except BadMessage as problem:
            self._judge.misbehaved(problem)
            self._give_up(_BAD_ANSWER)

    def _access_point_left(self) -> None:
        self._upstream = _Upstream.CLOSED
        exchange = self._exchange
        if exchange is None or self._relay is not None:
            self._close()
            return
        if exchange.reader.finished:
            return  # the answer is held, and the connection closes once it was delivered
        exchange.close = True
        try:
            exchange.reader.end()
            self._answered(exchange, b"")
        except BadMessage as problem:
            self._judge.misbehaved(problem)
            self._give_up(_BAD_ANSWER)

    def _answered(self, exchange: _Exchange, content: bytes) -> None:
        """Take what has come of an answer."""
        if exchange.instead is None:
            self._stream(exchange, content)
        elif exchange.reader.finished or exchange.reader.switched:
            self._refuse(exchange.instead, exchange.method)

    def _stream(self, exchange: _Exchange, content: bytes) -> None:
        """Pass on what has come of an answer."""
        reader = exchange.reader
        head = reader.head
        if head is None:
            return
        data = b""
        if reader.switched:
            self._switch(exchange)
            return
        if not exchange.begun:
            exchange.begun = True
            exchange.close |= not head.keep_alive
            exchange.chunked = head.length is None and exchange.method != "HEAD"
            data = serialiser.response_head(head, close=exchange.close, chunked=exchange.chunked)
            if exchange.ruling.lasting:
                # It may last for days: what was judged now is not to be learnt then.
                self._conclude(exchange, accepted=head.status < _FIRST_ERROR)
        if content:
            data += chunk(content) if exchange.chunked else content
        if reader.finished and exchange.chunked:
            data += LAST_CHUNK
        if exchange.held is not None:
            exchange.held += data
        elif data:
            self._to_service(data)
        if reader.finished:
            self._finish(exchange)

    def _finish(self, exchange: _Exchange) -> None:
        head = exchange.reader.head
        accepted = head is not None and head.status < _FIRST_ERROR
        self._conclude(exchange, accepted=accepted)
        if exchange.held is not None:
            if accepted and exchange.ruling.refreshes is not None:
                self._without_waiting(RegisteredHook(exchange.ruling.refreshes))
                return
            self._to_service(bytes(exchange.held))
        self._over(exchange)

    def _deliver_held(self) -> None:
        exchange = self._exchange
        if exchange is None or exchange.held is None:
            raise AssertionError("no answer is held")
        self._to_service(bytes(exchange.held))
        self._over(exchange)

    def _over(self, exchange: _Exchange) -> None:
        self._exchange = None
        self._requests.give_room_back()
        if exchange.close or self._upstream is not _Upstream.OPEN:
            self._close()
            return
        self._deadline.enter(Phase.IDLE)
        if self._requests.waiting:
            self._next_requests()

    # A callback channel.

    def _switch(self, exchange: _Exchange) -> None:
        head, channel = exchange.reader.head, exchange.ruling.channel
        if head is None or channel is None:
            raise BadMessage("bad-answer", "the protocol was changed without a wish of the service")
        if any(name.lower() == "sec-websocket-extensions" for name, _ in head.fields):
            raise BadMessage("bad-answer", "an extension of WebSocket is used that was not offered")
        formats = [value for name, value in head.fields if name.lower() == "content-type"]
        if len(formats) > 1:
            raise BadMessage("bad-answer", "two formats are named for one channel")
        channel.opened(formats[0] if formats else None)
        self._conclude(exchange, accepted=True)
        self._exchange = None
        self._relay = Relay(channel, self._messages)
        self._deadline.enter(Phase.CHANNEL)
        self._to_service(serialiser.response_head(head, close=False, chunked=False))
        if early := self._requests.rest():
            self._relayed(self._relay.from_service, early)
        if not self._closed and (early := exchange.reader.rest()):
            self._relayed(self._relay.from_access_point, early)

    def _relayed(self, take: Callable[[bytes], Sent], data: bytes) -> None:
        try:
            sent = take(data)
        except BadMessage as problem:
            self._judge.malformed(problem, "frame of the callback channel")
            self._close()
            return
        if sent.to_service:
            self._to_service(bytes(sent.to_service))
        if sent.to_access_point:
            self._to_access_point(bytes(sent.to_access_point))
        if sent.closed:
            self._close()

    # The end.

    def _give_up(self, message: str) -> None:
        """End the connection; say why if nothing of an answer has been sent yet."""
        exchange = self._exchange
        if self._relay is None and (exchange is None or not exchange.begun or exchange.held is not None):
            method = "GET" if exchange is None else exchange.method
            try:
                own = None if exchange is None else exchange.instead
                answer = own or self._judge.unavailable(message)
                data = serialiser.answer(answer, head_only=method == "HEAD")
                self._to_service(data)
            except Exception as error:  # noqa: BLE001 -- the connection is closed all the same
                self._judge.broken("http1", error)
        self._close()

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._requests.give_room_back()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._conclude(exchange, accepted=False)
        if self._upstream is not _Upstream.CLOSED:
            self._commands.append(commands.CloseConnection(self.context.server))
        self._commands.append(commands.CloseConnection(self.context.client))

    def _conclude(self, exchange: _Exchange, *, accepted: bool) -> None:
        if exchange.concluded:
            return
        exchange.concluded = True
        try:
            exchange.ruling.conclude(accepted)
        except Exception as error:  # noqa: BLE001 -- the call has been carried out; its answer must not be lost
            self._judge.broken("conclude", error)
