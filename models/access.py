"""One observed call, as the feature vector of the paper (section II-B, Table I)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Operation(StrEnum):
    """What a service does to a node. The paper's C_VSL (section II), and what else the middleware offers.

    `connect` opens the channel on which the access point calls the service back.
    `lock`, `commit` and `rollback` are the paper's `starttransaction`, `commit` and `abort`.
    `register-virtual` makes the service answer for a node itself, by callbacks; `unregister` ends that for all nodes.
    `invoke` has the other one do something (an action of the Web of Things, a remote procedure); `create` and `delete`
    change which nodes there are.

    New ones are appended: on the wire an operation is its number here (`models.wire`).
    """

    GET = "get"
    SET = "set"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    NOTIFY = "notify"
    LOCK = "lock"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    REGISTER = "register"
    CONNECT = "connect"
    REGISTER_VIRTUAL = "register-virtual"
    UNREGISTER_VIRTUAL = "unregister-virtual"
    UNREGISTER = "unregister"
    GET_STREAM = "get-stream"
    SET_STREAM = "set-stream"
    INVOKE = "invoke"
    CREATE = "create"
    DELETE = "delete"


# By names of their own where every access is compared with them: an enumeration takes its time to look up its members.
SET = Operation.SET
REGISTER = Operation.REGISTER


class Access(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decoded access of one service to one node of another (or of itself).

    Addresses tell instances apart and never enter a model; types do (section II-D). `None` means that the
    middleware does not offer the feature, or that it is not known yet.
    """

    time: int
    """Event time in milliseconds since the epoch."""
    source: str
    """Address of the calling service instance, e.g. `/agent1/lightcontrol1`."""
    source_type: str | None
    source_location: str | None = None
    destination: str
    """Address of the service instance that owns the accessed node, e.g. `/agent1/movement1`."""
    destination_type: str | None
    destination_location: str | None = None
    node: str
    """Address of the accessed node, e.g. `/agent1/movement1/movement`."""
    operation: Operation
    data_type: str | None = None
    """Most specific type of the accessed node, e.g. `/derived/boolean`."""
    value: str | None = None
    """The value that is exchanged, as text; `None` where the call carries none."""

    @property
    def own(self) -> bool:
        """Whether the service accesses a node of its own."""
        return self.source == self.destination
