"""A Shelly of the first generation (source: https://shelly-api-docs.shelly.cloud/gen1/, written anew).

The method of a request means nothing: what acts is that a parameter is there, in the query or in a form. Answers are
JSON; errors are 4xx in plain text. A relay's answer is its state after the call.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.site.rest_device import RestDevice, answer_json, answer_text

_TURNS: Mapping[str, bool] = {"on": True, "off": False}
_FORM = "application/x-www-form-urlencoded"

type Entry = dict[str, Any]


class ShellyGen1(RestDevice):
    """A Shelly 2.5 with two relays, and a dimmer's light."""

    def __init__(self, password: str | None = None) -> None:
        """Begin with everything off; with a password everything but `/shelly` asks for `admin` and it."""
        super().__init__()
        self._password = password
        self.relays: list[Entry] = [_output(), _output()]
        self.lights: list[Entry] = [_output() | {"brightness": 50, "mode": "white"}]
        self.resets = 0
        self.updates: list[str] = []
        """Where each new firmware was to come from."""

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Answer one request."""
        if request.path == "/shelly":
            return answer_json(
                {"type": "SHSW-25", "mac": "98F4ABB929CC", "auth": self._password is not None, "fw": _FW}
            )
        if not self._authorized(request.headers.get("Authorization", "")):
            return answer_text(
                "401 Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="shellyswitch25-98F4ABB929CC"'}
            )
        parameters = dict(parse_qsl(request.query_string, keep_blank_values=True))
        if request.content_type == _FORM:
            parameters |= parse_qsl(body.decode(), keep_blank_values=True)
        return self._resource(request.path.strip("/").split("/"), parameters)

    def _authorized(self, field: str) -> bool:
        if self._password is None:
            return True
        wanted = "Basic " + base64.b64encode(f"admin:{self._password}".encode()).decode()
        return hmac.compare_digest(field.encode(), wanted.encode())

    def _resource(self, path: list[str], parameters: Mapping[str, str]) -> web.Response:
        match path:
            case ["relay", number]:
                return _switch(self.relays, number, parameters)
            case ["light", number]:
                return _switch(self.lights, number, parameters)
            case ["meter", number] if number in {"0", "1"}:
                return answer_json({"power": 12.5, "is_valid": True, "total": 2632})
            case ["status"]:
                return answer_json(self._status())
            case ["settings"]:
                self.resets += _true(parameters.get("reset", ""))
                return answer_json({"device": {"type": "SHSW-25"}, "login": {"enabled": self._password is not None}})
            case ["ota"]:
                if "url" in parameters or _true(parameters.get("update", "")):
                    self.updates.append(parameters.get("url", ""))
                status = "updating" if self.updates else "idle"
                return answer_json({"status": status, "has_update": False, "old_version": _FW, "new_version": _FW})
            case ["reboot"]:
                return answer_json({"ok": True})
            case _:
                return answer_text("Not Found", 404)

    def _status(self) -> Entry:
        return {
            "wifi_sta": {"connected": True, "ssid": "Castle", "rssi": -54},
            "relays": self.relays,
            "meters": [{"power": 12.5, "is_valid": True}],
            "has_update": False,
            "mac": "98F4ABB929CC",
        }


_FW = "20230913-112003/v1.14.0-gcb84623"


def _output() -> Entry:
    return {"ison": False, "has_timer": False, "timer_remaining": 0, "source": "http"}


def _switch(outputs: list[Entry], number: str, parameters: Mapping[str, str]) -> web.Response:
    if not number.isdecimal() or int(number) >= len(outputs):
        return answer_text("Bad channel", 400)
    output = outputs[int(number)]
    turn = parameters.get("turn")
    if turn is not None and turn not in {*_TURNS, "toggle"}:
        return answer_text("Bad turn", 400)
    if "brightness" in parameters and not _within(parameters["brightness"], 0, 100):
        return answer_text("Bad brightness", 400)
    if turn is not None:
        output["ison"] = _TURNS.get(turn, not output["ison"])
        output["has_timer"] = "timer" in parameters
        output["timer_remaining"] = int(parameters.get("timer", "0"))
    if "brightness" in parameters:
        output["brightness"] = int(parameters["brightness"])
    return answer_json(output)


def _within(value: str, low: int, high: int) -> bool:
    return value.isdecimal() and low <= int(value) <= high


def _true(value: str) -> bool:
    return value in {"1", "y", "Y", "t", "T"} or value.lower() == "true"
