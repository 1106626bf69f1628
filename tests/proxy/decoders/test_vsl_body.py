"""Bodies: which nodes are written, with what, and what is sent on."""

import json

import pytest

from proxy.decoders import vsl_body, vsl_media
from proxy.decoders.strict_json import NotStrictJson
from proxy.decoders.vsl_media import Form
from proxy.decoders.vsl_node import BadNode


def test_every_written_node_is_found() -> None:
    body = vsl_body.written(b'{"value":"5","children":{"lightOn":{"value":1},"a/b":{"children":{"c":{"value":true}}}}}')
    assert body.values == (("", "5"), ("lightOn", "1"), ("a/b/c", "true"))


def test_a_value_is_stored_as_text_and_sent_as_text() -> None:
    assert vsl_body.written(b'{"value":1.50}').canonical == b'{"value":"1.50"}'


def test_what_an_access_point_ignores_is_not_sent_on() -> None:
    body = vsl_body.written(b'{"value":"1","types":["/x"],"hidden":{"value":"2"},"children":{"a":{"value":null}}}')
    assert json.loads(body.canonical) == {"value": "1", "children": {"a": {}}}


@pytest.mark.parametrize(
    "body",
    [
        b'"1"',
        b'{"value":{"a":1}}',
        b'{"children":[]}',
        b'{"children":{"../x":{"value":"1"}}}',
        b'{"children":{"":{"value":"1"}}}',
        b'{"children":{"a/b":{"value":"1"},"a":{"children":{"b":{"value":"2"}}}}}',
    ],
)
def test_ambiguous_writes_are_refused(body: bytes) -> None:
    with pytest.raises(BadNode):
        vsl_body.written(body)


def test_command_keeps_operation_and_callback() -> None:
    command = vsl_body.command(
        b'{"operation":"SUBSCRIBE","callbackId":"b4fb38af-381a-4772-8268-b84199dfab95","more":1}'
    )
    assert command.operation == "SUBSCRIBE"
    assert json.loads(command.canonical) == {
        "operation": "SUBSCRIBE",
        "callbackId": "b4fb38af-381a-4772-8268-b84199dfab95",
    }


@pytest.mark.parametrize("body", [b"{}", b'{"operation":1}', b'{"operation":"SUBSCRIBE","callbackId":"x"}', b"[]"])
def test_malformed_commands_are_refused(body: bytes) -> None:
    with pytest.raises(NotStrictJson):
        vsl_body.command(body)


def test_registration_names_its_model() -> None:
    model, canonical = vsl_body.registration(b'{"modelId":"/lightControler","modelHash":"","binaryHash":null}')
    assert model == "/lightControler"
    assert json.loads(canonical) == {"modelId": "/lightControler", "modelHash": "", "binaryHash": ""}


def test_the_end_of_a_registration_is_any_object() -> None:
    assert vsl_body.unregistration(b'{"a":1}') == b"{}"
    assert vsl_body.unregistration(b"\xbf\xff", vsl_media.CBOR) == b"\xbf\xff"
    for body in (b"", b"[]", b'{"a":1,"a":1}'):
        with pytest.raises(NotStrictJson):
            vsl_body.unregistration(body)


@pytest.mark.parametrize("form", vsl_media.FORMS.values())
def test_all_forms_mean_the_same(form: Form) -> None:
    node = {"value": "5", "children": {"a/b": {"value": "1"}}}
    body = vsl_body.written(form.serialise(node), form)
    assert body.values == (("", "5"), ("a/b", "1"))
    assert form.parse(body.canonical) == node
    command = {"operation": "SUBSCRIBE", "callbackId": "b4fb38af-381a-4772-8268-b84199dfab95"}
    assert form.parse(vsl_body.command(form.serialise(command), form).canonical) == command
    model, canonical = vsl_body.registration(form.serialise({"modelId": "/lightControler"}), form)
    assert form.parse(canonical)["modelId"] == model == "/lightControler"


@pytest.mark.parametrize("body", [b"{}", b'{"modelId":""}', b'{"modelId":null,"binaryHash":""}'])
def test_a_registration_may_leave_its_model_out(body: bytes) -> None:
    assert vsl_body.registration(body) == ("", b'{"modelId":"","modelHash":"","binaryHash":""}')


@pytest.mark.parametrize("body", [b"[]", b'{"modelId":"x"}', b'{"modelId":"/a/../b"}', b'{"modelId":7}'])
def test_registrations_of_what_is_no_model_are_refused(body: bytes) -> None:
    with pytest.raises(NotStrictJson):
        vsl_body.registration(body)
