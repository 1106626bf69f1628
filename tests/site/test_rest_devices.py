"""The emulated devices behave as their API documents say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import BasicAuth, ClientSession

from tests.site.hue_bridge import HueBridge
from tests.site.network import open_listener
from tests.site.rest_device import RestDevice
from tests.site.shelly_gen1 import ShellyGen1
from tests.site.shelly_gen2 import ShellyGen2

USER = "83b7780291a6ceffbe0bd049104df"

type Serve = Callable[[RestDevice], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners = []

    async def start(device: RestDevice) -> str:
        listener = open_listener("127.0.0.1")
        runners.append(await device.serve(listener))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def ask(client: ClientSession, method: str, url: str, **options: Any) -> tuple[int, Any]:
    async with client.request(method, url, **options) as response:
        text = await response.text()
        return response.status, json.loads(text) if response.content_type == "application/json" else text


async def test_a_bridge_gives_a_user_name_after_the_link_button_only(serve: Serve, client: ClientSession) -> None:
    bridge = HueBridge(USER)
    url = await serve(bridge)
    status, (refused,) = await ask(client, "POST", f"{url}/api", json={"devicetype": "app#phone"})
    assert (status, refused["error"]["type"], refused["error"]["description"]) == (200, 101, "link button not pressed")
    bridge.link_button_pressed = True
    _, (made,) = await ask(client, "POST", f"{url}/api", json={"devicetype": "app#phone"})
    username = made["success"]["username"]
    assert set((await ask(client, "GET", f"{url}/api/{username}/lights"))[1]) == {"1", "2", "3"}
    deleted = await ask(client, "DELETE", f"{url}/api/{USER}/config/whitelist/{username}")
    assert deleted == (200, [{"success": f"/config/whitelist/{username} deleted."}])
    _, (gone,) = await ask(client, "GET", f"{url}/api/{username}/lights")
    assert gone["error"] == {"type": 1, "address": "/lights", "description": "unauthorized user"}


async def test_a_bridge_tells_of_each_parameter_by_itself(serve: Serve, client: ClientSession) -> None:
    bridge = HueBridge(USER)
    url = f"{await serve(bridge)}/api/{USER}"
    _, (off,) = await ask(client, "PUT", f"{url}/lights/1/state", json={"bri": 10})
    assert off["error"]["type"] == 201
    _, results = await ask(client, "PUT", f"{url}/lights/1/state", json={"on": True, "bri": 300, "no": 1})
    assert results[0] == {"success": {"/lights/1/state/on": True}}
    assert [each["error"]["type"] for each in results[1:]] == [7, 6]
    assert bridge.lights["1"]["state"]["on"] is True
    assert bridge.lights["1"]["state"]["bri"] == 254
    _, (missing,) = await ask(client, "GET", f"{url}/lights/9")
    assert missing["error"] == {"type": 3, "address": "/lights/9", "description": "resource, /lights/9, not available"}
    _, (broken,) = await ask(client, "PUT", f"{url}/lights/1/state", data=b"{on}")
    assert broken["error"]["type"] == 2
    _, (patched,) = await ask(client, "PATCH", f"{url}/lights/1/state", json={})
    assert patched["error"]["type"] == 4


async def test_a_group_of_a_bridge_acts_on_its_lights(serve: Serve, client: ClientSession) -> None:
    bridge = HueBridge(USER)
    url = f"{await serve(bridge)}/api/{USER}"
    assert await ask(client, "PUT", f"{url}/groups/1/action", json={"on": True}) == (
        200,
        [{"success": {"/groups/1/action/on": True}}],
    )
    assert [light["state"]["on"] for light in bridge.lights.values()] == [True, True, False]
    _, (unknown,) = await ask(client, "PUT", f"{url}/groups/1/action", json={"scene": "none"})
    assert unknown["error"]["type"] == 7


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_what_acts_on_a_gen1_is_the_parameter_and_not_the_method(
    serve: Serve, client: ClientSession, method: str
) -> None:
    device = ShellyGen1()
    url = await serve(device)
    status, state = await ask(client, method, f"{url}/relay/0?turn=on&timer=5")
    assert (status, state["ison"], state["has_timer"]) == (200, True, True)
    assert (await ask(client, method, f"{url}/relay/0"))[1]["ison"] is True
    assert device.relays[1]["ison"] is False


async def test_a_gen1_takes_forms_and_answers_errors_in_text(serve: Serve, client: ClientSession) -> None:
    device = ShellyGen1()
    url = await serve(device)
    assert (await ask(client, "POST", f"{url}/light/0", data={"turn": "on", "brightness": "70"}))[1]["brightness"] == 70
    assert await ask(client, "GET", f"{url}/light/0?brightness=101") == (400, "Bad brightness")
    assert await ask(client, "GET", f"{url}/relay/7") == (400, "Bad channel")
    assert await ask(client, "GET", f"{url}/nothing") == (404, "Not Found")


async def test_a_gen1_with_a_password_wants_it_everywhere_but_for_what_it_is(
    serve: Serve, client: ClientSession
) -> None:
    url = await serve(ShellyGen1("thebigone"))
    assert (await ask(client, "GET", f"{url}/shelly"))[1]["auth"] is True
    assert (await ask(client, "GET", f"{url}/status"))[0] == 401
    assert (await ask(client, "GET", f"{url}/status", auth=BasicAuth("admin", "thebigone")))[0] == 200


async def test_a_procedure_of_a_gen2_is_called_in_three_ways(serve: Serve, client: ClientSession) -> None:
    device = ShellyGen2()
    url = await serve(device)
    assert await ask(client, "GET", f"{url}/rpc/Switch.Set?id=0&on=true") == (200, {"was_on": False})
    assert await ask(client, "POST", f"{url}/rpc/Switch.Set", json={"id": 0, "on": False}) == (200, {"was_on": True})
    frame = {"id": 1, "src": "panel", "method": "Switch.Set", "params": {"id": 1, "on": True}}
    status, answer = await ask(client, "POST", f"{url}/rpc", json=frame)
    assert (status, answer["id"], answer["dst"], answer["result"]) == (200, 1, "panel", {"was_on": False})
    assert [each["output"] for each in device.switches] == [False, True]


async def test_a_gen2_says_in_each_way_what_was_wrong(serve: Serve, client: ClientSession) -> None:
    url = await serve(ShellyGen2())
    assert await ask(client, "GET", f"{url}/rpc/No.Such") == (404, {"code": 404, "message": "No handler for No.Such"})
    status, error = await ask(client, "GET", f"{url}/rpc/Switch.Set?id=0")
    assert (status, error["code"]) == (500, -103)
    status, answer = await ask(client, "POST", f"{url}/rpc", json={"id": 3, "method": "Switch.GetStatus"})
    assert (status, answer["error"]["code"]) == (200, -103)


async def test_a_gen2_with_a_password_wants_a_digest(serve: Serve, client: ClientSession) -> None:
    url = await serve(ShellyGen2("thebigone"))
    target = "/rpc/Switch.GetStatus?id=0"
    async with client.get(url + target) as response:
        assert response.status == 401
        challenge = response.headers["WWW-Authenticate"]
    assert "algorithm=SHA-256" in challenge
    nonce = challenge.partition('nonce="')[2].partition('"')[0]
    realm = challenge.partition('realm="')[2].partition('"')[0]

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    proof = sha(f"{sha(f'admin:{realm}:thebigone')}:{nonce}:00000001:abc:auth:{sha(f'GET:{target}')}")
    field = (
        f'Digest username="admin", realm="{realm}", nonce="{nonce}", uri="{target}", algorithm=SHA-256, '
        f'response="{proof}", qop=auth, nc=00000001, cnonce="abc"'
    )
    assert (await ask(client, "GET", url + target, headers={"Authorization": field}))[0] == 200
    assert (await ask(client, "GET", url + "/rpc/Switch.Toggle?id=0", headers={"Authorization": field}))[0] == 401
