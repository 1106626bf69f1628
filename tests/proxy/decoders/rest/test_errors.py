"""Answers of the gateway's own have the middleware's form."""

from __future__ import annotations

import json

from proxy.decoders.rest.errors import ErrorForms
from tests.proxy.decoders.rest.making import LAMPS, mapping_of

FORMS = """
refusal: {status: 401, content_type: "application/json; charset=utf-8", body: '[{"error":"{message}"}]'}
unavailable: {status: 502, content_type: text/plain, body: "down"}
"""


def test_a_refusal_is_what_clients_understand() -> None:
    answer = ErrorForms(mapping_of(LAMPS + FORMS)).refused("GET")
    assert answer.status == 401
    assert ("content-type", "application/json; charset=utf-8") in answer.headers
    assert json.loads(answer.body) == [{"error": "Access denied by Anomaly detection"}]


def test_a_message_is_escaped() -> None:
    answer = ErrorForms(mapping_of(LAMPS)).unavailable("GET", 'it said "no"\n')
    assert (answer.status, json.loads(answer.body)) == (503, {"message": 'it said "no"\n'})


def test_unavailable_has_a_form_of_its_own() -> None:
    answer = ErrorForms(mapping_of(LAMPS + FORMS)).unavailable("GET", "x")
    assert (answer.status, answer.body) == (502, b"down")
    assert ErrorForms(mapping_of(LAMPS)).refused("HEAD").body == b""
