"""The emulator against what the real Knowledge Agent was seen to answer: vsl-rest, section 9."""

from __future__ import annotations

import msgspec
import pytest

from tests.site.certificates import Credentials
from tests.site.conftest import Bench, error
from tests.site.http_client import HttpResponse

LIGHT = "/vsl/agent1/lightcontrol1"
REGISTRATION = '{"modelId":"%s","modelHash":"","binaryHash":""}'


@pytest.fixture
async def light(bench: Bench) -> Credentials:
    who = bench.authority.service("lightControl1")
    await bench.ask(who, "POST", "/service/register", REGISTRATION % "/lightControler")
    return who


@pytest.fixture
async def movement(bench: Bench) -> Credentials:
    who = bench.authority.service("movement1")
    await bench.ask(who, "POST", "/service/register", REGISTRATION % "/movementSensor")
    return who


def content(response: HttpResponse) -> object:
    return msgspec.json.decode(response.body)


async def test_registration_answers_in_the_type_of_its_request(bench: Bench) -> None:
    headers = {"Accept": "application/cbor, application/json", "Content-Type": "application/json; UTF-8"}
    who = bench.authority.service("lightControl1")
    body = REGISTRATION % "/lightControler"
    response = await bench.ask(who, "POST", "/service/register", body, headers=headers)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.body == b'"/agent1/lightcontrol1"'


async def test_get(bench: Bench, light: Credentials) -> None:
    response = await bench.ask(light, "GET", f"{LIGHT}/lightOn")
    assert (response.status, response.body) == (200, b'{"value":"0"}')
    assert response.headers["content-type"] == "application/json; UTF-8"


async def test_get_as_cbor(bench: Bench, light: Credentials) -> None:
    response = await bench.ask(light, "GET", f"{LIGHT}/lightOn", headers={"Accept": "application/cbor"})
    assert response.headers["content-type"] == "application/cbor"
    assert response.body == b"\xbf\x65value\x610\xff"


async def test_get_complete(bench: Bench, light: Credentials) -> None:
    await bench.ask(light, "PUT", f"{LIGHT}/lightOn", '{"value":"1"}')
    node = content(await bench.ask(light, "GET", f"{LIGHT}/lightOn?scope=complete"))
    assert isinstance(node, dict)
    assert node.pop("timestamp") > 1_700_000_000_000
    assert node == {
        "types": ["/derived/boolean", "/basic/number"],
        "value": "1",
        "version": 1,
        "restrictions": {"minimumValue": "0", "maximumValue": "1"},
    }


async def test_metadata_of_a_service_never_written(bench: Bench, light: Credentials) -> None:
    response = await bench.ask(light, "GET", f"{LIGHT}?scope=metadata")
    assert content(response) == {"types": ["/lightControler", "/basic/composed"], "version": 0}


async def test_get_with_children(bench: Bench, light: Credentials, movement: Credentials) -> None:
    expected = {"brightness": {"value": "50"}, "name": {"value": "lamp"}, "lightOn": {"value": "0"}}
    others_view = content(await bench.ask(movement, "GET", f"{LIGHT}?depth=1"))
    assert others_view == {"children": expected}
    own_view = content(await bench.ask(light, "GET", f"{LIGHT}?depth=1"))
    assert own_view == {"children": {**expected, "secret": {"value": "x"}}}


async def test_all_services_of_an_agent(bench: Bench, light: Credentials, movement: Credentials) -> None:
    node = content(await bench.ask(light, "GET", "/vsl/agent1?depth=1&scope=metadata"))
    assert isinstance(node, dict)
    assert node["access"] == "-"
    assert set(node) == {"access", "children"}
    assert set(node["children"]) == {"search", "typeSearch", "movement1", "lightcontrol1"}
    assert node["children"]["movement1"] == {"types": ["/movementSensor", "/basic/composed"], "version": 0}
    types = ["/searchProvider/search", "/system/searchProvider", "/basic/composed"]
    assert node["children"]["search"] == {"types": types, "version": 0}


async def test_set_one_and_several(bench: Bench, light: Credentials) -> None:
    response = await bench.ask(light, "PUT", f"{LIGHT}/lightOn", '{"value":"1"}')
    assert (response.status, response.body) == (204, b"")
    several = '{"children":{"lightOn":{"value":"0"},"brightness":{"value":"70"}}}'
    assert (await bench.ask(light, "PUT", LIGHT, several)).status == 204
    assert content(await bench.ask(light, "GET", f"{LIGHT}/brightness")) == {"value": "70"}


async def test_a_value_out_of_range(bench: Bench, light: Credentials) -> None:
    response = await bench.ask(light, "PUT", f"{LIGHT}/lightOn", '{"value":"7"}')
    message = (
        "Invalid value: 7 for restriction: minimumValue='0',maximumValue='1' at node: /agent1/lightcontrol1/lightOn"
    )
    assert error(response) == (422, message)


async def test_access_rights(bench: Bench, light: Credentials, movement: Credentials) -> None:
    secret = f"{LIGHT}/secret"
    read = await bench.ask(movement, "GET", secret)
    assert error(read) == (403, "[movement1] cannot read node at /agent1/lightcontrol1/secret or any child")
    written = await bench.ask(movement, "PUT", secret, '{"value":"y"}')
    assert error(written) == (
        403,
        "[movement1] cannot write node at /agent1/lightcontrol1/secret, nothing changed.",
    )
    assert content(await bench.ask(light, "GET", secret)) == {"value": "x"}


async def test_what_is_not_there(bench: Bench, light: Credentials) -> None:
    assert error(await bench.ask(light, "GET", f"{LIGHT}/none")) == (
        404,
        "Node not found: /agent1/lightcontrol1/none",
    )
    unknown = await bench.ask(light, "GET", "/vsl/agent9/x")
    assert error(unknown) == (503, "Could not get remote KA agent9 for urls: []")
    model = await bench.ask(light, "POST", "/service/register", REGISTRATION % "/nosuch")
    assert error(model) == (404, "The model with the ID /nosuch could not be found")


async def test_type_search(bench: Bench, light: Credentials) -> None:
    response = await bench.ask(light, "GET", "/vsl/search/type/lightControler")
    assert response.body == b'{"value":"/agent1/lightcontrol1"}'
    direct = content(await bench.ask(light, "GET", "/vsl/agent1/typeSearch/lightControler"))
    assert direct == {"types": ["/basic/text"], "value": "/agent1/lightcontrol1"}


async def test_without_certificate(bench: Bench) -> None:
    assert error(await bench.ask(None, "GET", f"{LIGHT}/lightOn")) == (403, "Forbidden")


async def test_delegation(bench: Bench, light: Credentials) -> None:
    delegated = "VSL eyJjbGllbnRJZCI6ImxpZ2h0Y29udHJvbDEiLCJhY2Nlc3NJRHMiOlsibGlnaHRjb250cm9sMSJdLCJrYSI6ZmFsc2V9"
    gateway = bench.authority.agent("gateway")
    response = await bench.ask(gateway, "GET", f"{LIGHT}/secret", headers={"Authorization": delegated})
    assert response.body == b'{"value":"x"}'
    assert bench.agents["agent1"].calls[-1].client_id == "lightcontrol1"
