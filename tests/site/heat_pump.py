"""A heat pump that nobody has a mapping for: zones with targets, and a key in a header field of its own."""

from __future__ import annotations

import json

from aiohttp import web

from tests.site.rest_device import RestDevice, answer_json

ZONES = 3


class HeatPump(RestDevice):
    """Answers who has the key."""

    def __init__(self, key: str) -> None:
        """Heat three zones to 20 degrees."""
        super().__init__()
        self._key = key
        self.targets = dict.fromkeys(range(1, ZONES + 1), 20.0)
        """By zone, degrees."""

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Answer one request."""
        if request.headers.get("x-key") != self._key:
            return answer_json({"error": "who are you?"}, 401)
        match request.method, request.path.split("/")[1:]:
            case "GET", ["v1", "zones", number] if number.isdecimal() and int(number) in self.targets:
                return answer_json({"celsius": self.targets[int(number)]})
            case "PUT", ["v1", "zones", number, "target"] if number.isdecimal() and int(number) in self.targets:
                self.targets[int(number)] = json.loads(body)["celsius"]
                return answer_json({})
        return answer_json({"error": "what is that?"}, 404)
