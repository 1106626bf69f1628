"""`alleyes decoder import` and `learn`: draft a mapping, to be looked over by whoever knows the building."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from policy.loading import DocumentError, check_document
from policy.printable import printable
from proxy.audit.log import newest
from proxy.commands.audit_log import at_log, readable
from proxy.commands.new_file import write_new
from proxy.commands.options import refuse
from proxy.decoders.rest.examples import examples_beside
from proxy.decoders.rest.mapping import MappingDocument
from proxy.decoders.rest.things import ThingsError
from proxy.drafting.checked import DraftError, checked
from proxy.drafting.draft import MappingDraft
from proxy.drafting.examples import text_of_examples
from proxy.drafting.learnt import draft_from
from proxy.drafting.naming import NamespaceError, namespace, slug
from proxy.drafting.observed import seen_in
from proxy.drafting.openapi import draft_of
from proxy.drafting.specification import SpecificationError, read_specification
from proxy.drafting.templates import Noise, Template, Vocabulary
from proxy.drafting.web_of_things import things_at
from proxy.thing_fetching import FetchError

MOST_RECORDS = 50_000
"""Of the audit log, the newest ones, that are looked through."""
_NOTHING = 1
_HEADING = "Requests, and what they become: made up where nothing gives a value. Correct them with the mapping."


def _output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        help="Write it there, and examples into NAME.examples.yaml beside it; an existing file is left alone.",
    )(command)


def _name_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--name", help="Short name of the middleware, the first segment of its types, e.g. hue.")(
        command
    )


@click.group("import")
def import_group() -> None:
    """Draft a mapping from a description of the interface."""


@import_group.command("openapi")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_name_option
@_output_option
def openapi_command(file: Path, *, name: str | None, output: Path | None) -> None:
    """Draft a mapping from an OpenAPI document (3.0 or 3.1, JSON or YAML)."""
    try:
        draft = draft_of(read_specification(file), name=name, file=file.name)
    except SpecificationError as error:
        refuse([str(error)])
    except NamespaceError as error:
        refuse([f"{file}: {error}"])
    if not draft.routes:
        refuse([f"{file}: has no operation that a mapping could have", *draft.left_out])
    _write(draft, output, agent=name or slug(draft.name))


@import_group.command("wot")
@click.argument("source", metavar="FILE|URL")
@click.option("--at", metavar="URL", help="Of a file: where the Things are, e.g. http://10.0.0.20:8080; an IP address.")
@click.option("--fingerprint", metavar="sha256:...", help="Of a URL by HTTPS: the fingerprint of its certificate.")
@_output_option
def wot_command(source: str, *, at: str | None, fingerprint: str | None, output: Path | None) -> None:
    """Show the mapping that Thing Descriptions become (W3C Web of Things), to be changed by hand.

    Unchanged, they need no mapping: gateway.yaml has them as `decoder: {things: [...]}`, and follows what they say.
    """
    try:
        compiled = things_at(source, at, fingerprint)
    except (ThingsError, FetchError, OSError, ValueError) as error:
        refuse([f"{source}: {line}" for line in (str(error) or "cannot be read").splitlines()])
    for problem in compiled.problems:
        click.echo(f"alleyes: left out: {problem}", err=True)
    document = compiled.mapping.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(document, sort_keys=False, width=120)
    try:
        mapping = check_document(text, Path(source), MappingDocument)
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)
    examples = text_of_examples(mapping, [None] * len(mapping.routes), "things", _HEADING)
    _emit(text, examples, output)


@click.command("learn")
@click.option("--agent", help="Name of the access point that was called, where the log has several.")
@click.option("--trust", multiple=True, metavar="ADDRESS", help="A caller whose word alone counts; may be repeated.")
@click.option("--yes", is_flag=True, help="Take all that is proposed, without asking.")
@_name_option
@_output_option
@at_log
def learn_command(
    *, place: Path, agent: str | None, trust: tuple[str, ...], name: str | None, yes: bool, output: Path | None
) -> None:
    """Draft a mapping from calls that no route understood, as the audit log has them.

    Let services work for a day in learn mode, where such calls are forwarded. What several callers asked for, or one of
    them at several times, is proposed as templates; each is asked about. Names vary only where several callers, or one
    that is trusted, used each of them.
    """
    try:
        short = namespace(name, agent or "device")
    except NamespaceError as error:
        refuse([f"{agent}: {error}" if agent else str(error)])
    vocabulary = Vocabulary(trust)
    with readable(place):
        for record in newest(place, MOST_RECORDS):
            seen = seen_in(record.data, agent)
            if seen is not None:
                vocabulary.add(seen)
    templates, noise = vocabulary.templates()
    for line in _noise(noise):
        click.echo(line, err=True)
    if not templates:
        click.echo(f"alleyes: {place} holds no calls that a template could be made of", err=True)
        raise SystemExit(_NOTHING)
    confirmed = templates if yes else [each for each in templates if _confirmed(each)]
    if not confirmed:
        click.echo("alleyes: nothing was confirmed", err=True)
        raise SystemExit(_NOTHING)
    draft = draft_from(confirmed, name=short, source=f"the audit log in {place}")
    _write(draft, output, agent=agent or short)


def _confirmed(template: Template) -> bool:
    for line in _shown(template):
        click.echo(line, err=True)
    return click.confirm("  Take it?", default=True, err=True)


def _shown(template: Template) -> Iterator[str]:
    yield f"{template.method} {printable(template.text, 400)}"
    yield f"  {template.calls} calls of {template.callers} callers"
    for each in template.variables:
        examples = f": {printable(', '.join(each.examples), 200)}" if each.examples else ""
        yield f"  {{{each.name}}} {each.kind}, {each.distinct} different{examples}"
        if each.odd:
            yield f"  {{{each.name}}} as well, of fewer callers: {printable(', '.join(each.odd), 200)}"
    if template.parameters:
        named = ", ".join(f"{each.name} ({each.callers} callers)" for each in template.parameters)
        yield f"  parameters: {printable(named, 400)}"
    if template.members:
        held = ", ".join(f"{pointer} {' or '.join(sorted(kinds))}" for pointer, kinds in template.members)
        yield f"  body: {printable(held, 400)}"
    if template.fields:
        yield f"  fields: {printable(', '.join(template.fields), 400)}"
    if template.seldom:
        yield f"  left out, as one caller sent it once: {printable(', '.join(template.seldom), 400)}"


def _noise(noise: Noise) -> Iterator[str]:
    if noise.paths:
        who = ", ".join(f"{printable(caller)} ({paths})" for caller, paths in noise.by_caller)
        yield f"alleyes: {noise.calls} calls to {noise.paths} paths were seen too seldom to count; most by {who}"


def _write(draft: MappingDraft, output: Path | None, *, agent: str) -> None:
    try:
        draft, text, mapping = checked(draft)
    except DraftError as error:
        refuse([f"no mapping comes of it: {error}"])
    _emit(text, text_of_examples(mapping, draft.routes, agent, _HEADING), output)


def _emit(text: str, examples: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    beside = examples_beside(output)
    if beside.exists():
        refuse([f"{beside}: exists already, and would be the examples of {output} -- give another path"])
    write_new(output, text)
    write_new(beside, examples)
    click.echo(f"alleyes: {output} is drafted; look over every line with a question mark", err=True)
    click.echo(
        f"alleyes: {beside} shows what requests become; after each change: alleyes decoder test {output}", err=True
    )
