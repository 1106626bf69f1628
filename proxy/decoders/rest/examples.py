"""Examples of a mapping: requests, and what they are to become."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel, model_validator

from models.access import Access
from policy.loading import invalid, load_document
from policy.section import Section
from policy.verdict import Sender, Strength
from proxy.configuration import InventoryDocument
from proxy.decoders.base import Decoded, Request
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.mapping import MappingDocument, Operation
from proxy.registry import SiteRegistry, agent_of

AGENT = "device"
"""Name of the access point where nothing says another."""
MOST_ACCESSES = 64
SENDER = Sender(address="/example/caller", service_type="/example", strength=Strength.IP, ip="192.0.2.1")
_AUTHORITY = "192.0.2.2:80"


class ExampleRequest(Section):
    """A request."""

    method: str
    target: str
    headers: dict[str, str] = Field(default={})
    """Without Host and Content-Length."""
    body: str = ""

    def as_sent(self) -> Request:
        """Return the request as a decoder gets it."""
        headers = [("host", _AUTHORITY), *((name.lower(), value) for name, value in self.headers.items())]
        return Request(method=self.method, target=self.target, headers=tuple(headers), body=self.body.encode())


class ExpectedAccess(Section):
    """What an access must be: all of it; what is left out must not be there."""

    operation: Operation
    destination: Annotated[str, Field(pattern=r"^/[^/]+/[^/]+$")]
    type: str | None = None
    node: str = ""
    """Below the destination."""
    data_type: str | None = None
    value: str | None = None


class Example(Section):
    """One request, and what it must become."""

    request: ExampleRequest
    accesses: list[ExpectedAccess] | None = None
    """All of them, in order; left out: only the refusal counts."""
    refusal: str | None = None
    """Its code; left out: there must be none."""

    @model_validator(mode="after")
    def _expects_something(self) -> Example:
        if not self.accesses and self.refusal is None:
            raise invalid("expects nothing", "give `accesses`, `refusal`, or both")
        return self


class ExamplesDocument(RootModel[list[Example]]):
    """A file of examples."""


def load_examples(path: Path) -> list[Example]:
    """Load a file of examples.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    return load_document(path, ExamplesDocument).root


def examples_beside(mapping: Path) -> Path:
    """Return where the examples of a mapping file are by themselves: `heating.examples.yaml` beside `heating.yaml`."""
    return mapping.with_name(f"{mapping.stem}.examples.yaml")


def decoder_for(mapping: MappingDocument, agent: str = AGENT) -> RestDecoder:
    """Return a decoder for requests that nobody sent: of an access point without an inventory."""
    return RestDecoder(mapping, agent, _AUTHORITY, SiteRegistry(InventoryDocument(), frozenset({agent})), MOST_ACCESSES)


def differences(mapping: MappingDocument, examples: list[Example]) -> Iterator[str]:
    """Yield in plain words what a mapping makes other than its examples say; each with the example's number from 1."""
    named = [access.destination for example in examples for access in example.accesses or ()]
    decoder = decoder_for(mapping, agent_of(named[0]) if named else AGENT)
    for number, example in enumerate(examples, 1):
        request = example.request.as_sent()
        decoded = decoder.decode(request, SENDER, 0, None)
        for difference in _compared(example, decoded):
            yield f"example {number}, {decoder.in_words(f'{request.method} {request.target}')}: {difference}"


def _compared(example: Example, decoded: Decoded) -> Iterator[str]:
    found = None if decoded.refusal is None else decoded.refusal.code
    if found != example.refusal:
        told = "" if decoded.refusal is None else f": {decoded.refusal.detail}"
        yield f"expected {example.refusal or 'no refusal'}, got {found or 'none'}{told}"
    if example.accesses is None:
        return
    got = [_in_words(access) for access in decoded.accesses]
    wanted = [_expected_in_words(access) for access in example.accesses]
    for i, (here, there) in enumerate(zip_longest(got, wanted, fillvalue="none"), 1):
        if here != there:
            yield f"access {i}: expected {there}; got {here}"


def _in_words(access: Access) -> str:
    return _line(access.operation, access.node, access.value, access.destination_type, access.data_type)


def _expected_in_words(access: ExpectedAccess) -> str:
    node = f"{access.destination}/{access.node}" if access.node else access.destination
    return _line(access.operation, node, access.value, access.type, access.data_type)


def _line(operation: str, node: str, value: str | None, service_type: str | None, data_type: str | None) -> str:
    exchanged = "" if value is None else f" = {value!r}"
    return f"{operation} {node}{exchanged} (type {service_type}, data type {data_type})"
