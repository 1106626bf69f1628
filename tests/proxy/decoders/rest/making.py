"""Mappings and requests for the tests of their parts."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from policy.loading import DocumentError, check_document
from policy.verdict import Sender, Strength
from proxy.configuration import InventoriedService, InventoryDocument
from proxy.decoders.base import Decoded, Request
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.mapping import MappingDocument
from proxy.registry import SiteRegistry

SENDER = Sender(address="/site/tablet", service_type="/panel", strength=Strength.IP, ip="10.0.0.9")
LAMPS = """\
name: lamps
token: {path: user}
routes:
  - name: set a lamp
    method: PUT
    path: /api/{user}/lamps/{lamp}/state
    service: lamp-{lamp}
    type: /lamps/lamp
    operation: set
    body: json
    members:
      /on: {node: state/on, data_type: /basic/boolean}
      /bri: {node: state/bri, data_type: /basic/number, minimum: 1, maximum: 254}
    fields:
      /transitiontime: {}
      /mode: {like: slow}
  - name: read a lamp
    method: GET
    path: /api/{user}/lamps/{lamp}
    service: lamp-{lamp}
    type: /lamps/lamp
    operation: get
    query: {full: {like: "true"}}
  - name: read all lamps
    method: GET
    path: /api/{user}/lamps
    type: /lamps/all
    operation: get
    everything: true
"""


def mapping_of(text: str) -> MappingDocument:
    return check_document(dedent(text), Path("mapping.yaml"), MappingDocument)


def problems_of(text: str) -> list[str]:
    """What is said of a text that is no mapping, without the file's name."""
    try:
        mapping_of(text)
    except DocumentError as error:
        return [str(problem).removeprefix("mapping.yaml:") for problem in error.problems]
    return []


def decoder_of(text: str = LAMPS, most: int = 8, services: tuple[InventoriedService, ...] = ()) -> RestDecoder:
    registry = SiteRegistry(InventoryDocument(services=list(services)), frozenset({"site"}))
    return RestDecoder(mapping_of(text), "site", "10.0.0.20:80", registry, most)


def request(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    """A request; names of header fields with _ for -."""
    fields = [("host", "home"), *((name.replace("_", "-"), value) for name, value in headers.items())]
    if body and "content_type" not in headers:
        fields.append(("content-type", "application/json"))
    return Request(method=method, target=target, headers=tuple(fields), body=body)


def decoded(text: str, method: str, target: str, body: bytes = b"", **headers: str) -> Decoded:
    return decoder_of(text).decode(request(method, target, body, **headers), SENDER, 1, None)


def code_of(found: Decoded) -> str | None:
    return None if found.refusal is None else found.refusal.code


def set_of(found: Decoded) -> list[tuple[str, str, str | None]]:
    """Operation, node and value of every access."""
    return [(access.operation.value, access.node, access.value) for access in found.accesses]
