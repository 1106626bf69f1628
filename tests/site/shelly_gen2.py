"""A Shelly of the second generation (source: https://shelly-api-docs.shelly.cloud/gen2/, written anew).

The same procedure can be called in three ways: `GET /rpc/<Method>?id=0`, `POST /rpc/<Method>` with the parameters as
the body, `POST /rpc` with the whole frame as the body. The first two answer with the result itself, and an error with a
status of its own; the third always with a frame.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.site.rest_device import RestDevice, answer_json

INVALID_ARGUMENT = -103
NOT_FOUND = -105
NO_HANDLER = 404
_STATUS = {NO_HANDLER: 404}
_FAILED = 500
_ID = "shellyplus2pm-a8032abe41fc"

type Entry = dict[str, Any]


class RpcError(Exception):
    """A procedure that was not carried out."""

    def __init__(self, code: int, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code
        self.message = message


class ShellyGen2(RestDevice):
    """A Shelly Plus 2PM with two switches."""

    def __init__(self, password: str | None = None, *, lenient: bool = False) -> None:
        """Begin with everything off; with a password it wants digest authentication (RFC 7616, SHA-256)."""
        super().__init__()
        self._lenient = lenient
        self._password = password
        self._nonce = "1650000000"
        self.switches: list[Entry] = [{"id": number, "output": False, "apower": 0.0} for number in (0, 1)]
        self.scripts: dict[int, str] = {}
        self.resets = 0

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Answer one request."""
        if request.path == "/shelly":
            return answer_json(self._device_info({}))
        if not self._authorized(request):
            challenge = f'Digest qop="auth", realm="{_ID}", nonce="{self._nonce}", algorithm=SHA-256'
            return answer_json({"code": 401, "message": "Unauthorized"}, 401, {"WWW-Authenticate": challenge})
        prefix, _, method = request.path.strip("/").partition("/")
        if prefix != "rpc":
            return web.Response(body=b"Not Found", status=404, content_type="text/plain")
        try:
            content = json.loads(body) if body else None
        except ValueError:
            return answer_json({"code": INVALID_ARGUMENT, "message": "Invalid JSON"}, _FAILED)
        if not method:
            return self._frame(content)
        parameters = content if content is not None else {k: _typed(v) for k, v in request.query.items()}
        try:
            return answer_json(self._call(method, parameters))
        except RpcError as error:
            return answer_json({"code": error.code, "message": error.message}, _STATUS.get(error.code, _FAILED))

    def _frame(self, frame: Any) -> web.Response:
        if not isinstance(frame, dict) or "method" not in frame or "id" not in frame:
            return answer_json({"code": INVALID_ARGUMENT, "message": "Invalid frame"}, _FAILED)
        head = {"id": frame["id"], "src": _ID, **({"dst": frame["src"]} if "src" in frame else {})}
        try:
            return answer_json({**head, "result": self._call(frame["method"], frame.get("params", {}))})
        except RpcError as error:
            return answer_json({**head, "error": {"code": error.code, "message": error.message}})

    def _authorized(self, request: web.Request) -> bool:
        if self._password is None:
            return True
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
        if given.get("nonce") != self._nonce or given.get("uri") != request.raw_path:
            return False
        own = _sha(f"admin:{_ID}:{self._password}")
        asked = _sha(f"{request.method}:{given['uri']}")
        parts = (own, given["nonce"], given.get("nc", ""), given.get("cnonce", ""), "auth", asked)
        return given.get("response") == _sha(":".join(parts))

    def _call(self, method: str, parameters: Mapping[str, Any]) -> object:
        procedures: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "shelly.getdeviceinfo": self._device_info,
            "shelly.getstatus": lambda _: {f"switch:{each['id']}": each for each in self.switches},
            "shelly.factoryreset": self._reset,
            "switch.set": self._set,
            "switch.toggle": self._toggle,
            "switch.getstatus": self._switch,
            "script.putcode": self._put_code,
        }
        found = procedures.get(method.lower())
        if found is None:
            raise RpcError(NO_HANDLER, f"No handler for {method}")
        return found(parameters)

    def _device_info(self, _: Mapping[str, Any]) -> Entry:
        return {"id": _ID, "model": "SNSW-002P16EU", "gen": 2, "ver": "1.4.4", "auth_en": self._password is not None}

    def _reset(self, _: Mapping[str, Any]) -> None:
        self.resets += 1

    def _switch(self, parameters: Mapping[str, Any]) -> Entry:
        number = parameters.get("id")
        if number is None:
            raise RpcError(INVALID_ARGUMENT, "Missing required argument 'id'!")
        if self._lenient:
            number = _as_c_reads_it(number)
        if not isinstance(number, int) or isinstance(number, bool):
            raise RpcError(INVALID_ARGUMENT, "Invalid argument 'id'!")
        if not 0 <= number < len(self.switches):
            raise RpcError(NOT_FOUND, f"Argument 'id', value {number} not found!")
        return self.switches[number]

    def _set(self, parameters: Mapping[str, Any]) -> Entry:
        switch = self._switch(parameters)
        on = parameters.get("on")
        if self._lenient and on is not None:
            on = bool(on)
        if not isinstance(on, bool):
            raise RpcError(INVALID_ARGUMENT, "Missing or bad argument 'on'!")
        was, switch["output"] = switch["output"], on
        return {"was_on": was}

    def _toggle(self, parameters: Mapping[str, Any]) -> Entry:
        switch = self._switch(parameters)
        return self._set({**parameters, "on": not switch["output"]})

    def _put_code(self, parameters: Mapping[str, Any]) -> Entry:
        self.scripts[parameters["id"]] = parameters["code"]
        return {"len": len(parameters["code"])}


def _as_c_reads_it(value: Any) -> Any:
    """Return the number that a text begins with, and 0 where there is none; of a number, its whole part."""
    if isinstance(value, str):
        found = re.match(r"\s*([+-]?[0-9]+)", value)
        return int(found[1]) if found else 0
    return int(value) if isinstance(value, int | float) else value


def _typed(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
