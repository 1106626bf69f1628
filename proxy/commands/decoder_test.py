"""`alleyes decoder test`: what a request becomes by a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from models.access import Access
from policy.loading import DocumentError
from policy.printable import printable
from policy.verdict import Refusal
from proxy.commands.options import refuse
from proxy.commands.request_file import read_request
from proxy.decoders.base import Outbound
from proxy.decoders.rest.examples import AGENT, SENDER, decoder_for, differences, examples_beside, load_examples
from proxy.decoders.rest.loading import load_mapping
from proxy.decoders.rest.mapping import MappingDocument
from proxy.decoders.rest.remedies import remedy
from proxy.http1.bad_message import BadMessage

_FILE = click.Path(path_type=Path, dir_okay=False)
_LONGEST = 400
_SECRET_FIELDS = frozenset({"authorization", "cookie"})


@click.command("test")
@click.argument("mapping", type=_FILE)
@click.argument("request", type=_FILE, required=False)
@click.option("--examples", type=_FILE, help="Compare every request of a file with what it is to become.")
@click.option("--agent", default=AGENT, show_default=True, help="Name of the access point, for REQUEST.")
def test(mapping: Path, request: Path | None, examples: Path | None, agent: str) -> None:
    """Tell what a request becomes by MAPPING; REQUEST is one as it is sent, in a file.

    Without REQUEST, the examples beside MAPPING are compared: NAME.examples.yaml of NAME.yaml, as drafts have them.

    The exit code is 1 where the request is refused, or an example becomes something else, and 2 where a file is wrong.
    """
    if request is not None and examples is not None:
        refuse(["give either REQUEST or --examples FILE"])
    if request is None and examples is None:
        examples = examples_beside(mapping)
        if not examples.exists() and mapping.exists():
            refuse([f"{mapping}: has no {examples.name} beside it -- give REQUEST, or --examples FILE"])
    try:
        document = load_mapping(mapping)
        if examples is not None:
            _run_examples(document, examples)
        elif request is not None:
            _explain(document, request, agent)
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)


def _run_examples(mapping: MappingDocument, path: Path) -> None:
    examples = load_examples(path)
    found = list(differences(mapping, examples))
    for difference in found:
        click.echo(f"FAILED {printable(difference, 2 * _LONGEST)}")
    click.echo(f"{'FAILED' if found else 'ok'} {path}: {len(examples)} examples of {mapping.name}")
    if found:
        raise SystemExit(1)


def _explain(mapping: MappingDocument, path: Path, agent: str) -> None:
    try:
        request = read_request(path.read_bytes())
    except OSError as error:
        refuse([f"{path}: {error.strerror or error}; give the file of a request"])
    except BadMessage as bad:
        click.echo(f"refused: {bad.code}, in every mode: {printable(bad.detail, _LONGEST)}")
        click.echo(f"  what to do: {remedy(bad.code)}")
        raise SystemExit(1) from None
    decoder = decoder_for(mapping, agent)
    decoded = decoder.decode(request, SENDER, 0, None)
    click.echo(f"request: {printable(decoder.in_words(f'{request.method} {request.target}'), _LONGEST)}")
    click.echo(f"route: {decoder.route_of(request) or 'none of the mapping'}")
    click.echo(f"credential: {'one' if decoder.credential(request) is not None else 'none'} that may name the caller")
    for number, access in enumerate(decoded.accesses, 1):
        click.echo("\n".join(_access_lines(number, access)))
    if decoded.lasting:
        click.echo("the answer lasts: it comes when something happens")
    if decoded.outbound is not None:
        only = " (only in learn and monitor)" if decoded.refusal is not None else ""
        words = decoder.in_words(f"{decoded.outbound.method} {decoded.outbound.target}")
        click.echo(f"sent on{only}: {printable(words, _LONGEST)}")
        click.echo("\n".join(_outbound_lines(decoded.outbound, mapping)))
    if decoded.refusal is not None:
        click.echo("\n".join(_refusal_lines(decoded.refusal)))
        raise SystemExit(1)


def _access_lines(number: int, access: Access) -> Iterator[str]:
    yield f"access {number}: {access.operation} {printable(access.node, _LONGEST)}"
    yield f"  service: {printable(access.destination, _LONGEST)}"
    yield f"  type: {access.destination_type or 'not known'}"
    yield f"  data type: {access.data_type or 'none'}"
    yield f"  value: {'none' if access.value is None else printable(access.value)}"


def _outbound_lines(outbound: Outbound, mapping: MappingDocument) -> Iterator[str]:
    secret = _SECRET_FIELDS.union(token.header for token in mapping.tokens if token.header is not None)
    for name, value in outbound.headers:
        yield f"  {name}: {'<token>' if name in secret else printable(value, _LONGEST)}"
    if outbound.body:
        yield f"  body: {printable(outbound.body.decode('utf-8', 'replace'), _LONGEST)}"


def _refusal_lines(refusal: Refusal) -> Iterator[str]:
    held = "in every mode" if refusal.every_mode else "in enforce; learn and monitor send it on"
    yield f"refused: {refusal.code}, {held}: {printable(refusal.detail, _LONGEST)}"
    yield f"  what to do: {remedy(refusal.code)}"
