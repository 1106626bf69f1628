"""A command's end of the control socket: one question, one answer."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from proxy.control.messages import (
    NewPin,
    NewQuarantine,
    PinState,
    PolicyState,
    Problem,
    Quarantines,
    QuarantineState,
)
from proxy.control.place import FILE, connected_socket
from proxy.control.refusal import NotDone

_SECONDS = 35.0
"""A little longer than a connection may live."""


class NotReached(Exception):
    """No gateway answers; the text says why and what can be done."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the socket in a state directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._directory = directory

    def connect(self) -> None:
        self.sock: socket.socket = connected_socket(self._directory, _SECONDS)


class ControlClient:
    """Asks the gateway that serves from a state directory."""

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory

    def quarantines(self) -> Quarantines:
        """Return all quarantines.

        Raises:
            NotReached: no gateway answers.
            NotDone: it does not want to; so do all below.
        """
        return self._ask("GET", "/v1/quarantines", Quarantines)

    def add(self, wanted: NewQuarantine) -> QuarantineState:
        """Quarantine a sender; return the quarantine that holds."""
        return self._ask("POST", "/v1/quarantines", QuarantineState, msgspec.json.encode(wanted))

    def delete(self, sender: str, why: str) -> QuarantineState:
        """End a quarantine; return it."""
        query = urlencode({"reason": why}) if why else ""
        return self._ask("DELETE", f"/v1/quarantines/{quote(sender, safe='')}?{query}".rstrip("?"), QuarantineState)

    def reload_policy(self) -> PolicyState:
        """Have the policy read again; return what is in force then."""
        return self._ask("POST", "/v1/policy/reload", PolicyState)

    def pin(self, wanted: NewPin) -> PinState:
        """Hold on to a version of what others contributed; return what is in force then."""
        return self._ask("POST", "/v1/federation/pins", PinState, msgspec.json.encode(wanted))

    def unpin(self, service_type: str) -> PinState:
        """Go on with the newest version; return what is in force then."""
        return self._ask("DELETE", f"/v1/federation/pins/{quote(service_type, safe='')}", PinState)

    def _ask[Content: msgspec.Struct](
        self, method: str, target: str, wanted: type[Content], body: bytes | None = None
    ) -> Content:
        status, content = self._exchange(method, target, body)
        try:
            if status < http.client.BAD_REQUEST:
                return msgspec.json.decode(content, type=wanted)
            problem = msgspec.json.decode(content, type=Problem)
        except msgspec.MsgspecError as error:
            raise NotReached(f"the answer cannot be read: {error}; is the gateway of another version?") from error
        raise NotDone(status, problem.error, problem.remedy, problem.problems)

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        headers: dict[str, Any] = {"Content-Type": "application/json", "Connection": "close"}
        connection = _Connection(self._directory)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotReached(
                f"no gateway serves from {self._directory} -- start it (systemctl start alleyes), or name its"
                " configuration with --config; until then all quarantines stay as they are"
            ) from None
        except PermissionError:
            raise NotReached(
                f"{self._directory / FILE}: not permitted -- run this as root or the gateway's user"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise NotReached(f"{self._directory / FILE}: {error} -- see the gateway's log") from error
        finally:
            connection.close()
