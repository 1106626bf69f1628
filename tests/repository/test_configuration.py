"""The configuration files: schemas are fresh, every option is documented, what is shipped is valid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from policy.loading import load_document
from policy.schema import render
from proxy.documents import DOCUMENTS
from scripts.schemas import schema_path
from tests.repository.tree import ROOT, files, read

REFERENCE = "docs/configuration.md"
REFERENCES = {"mapping": "docs/mappings.md"}
"""Where else a document has its reference."""
FOLDERS = {"mapping": "decoders"}
"""The shipped files of a kind, where their folder is not called after it."""


def sections(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The documents nested in a type, with what stands for their place: nothing, `[]` or `.<name>`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, dict):
        step, inner = ".<name>", arguments[1:]
    elif isinstance(origin, type) and issubclass(origin, list | tuple | set | frozenset):
        step, inner = "[]", arguments
    else:
        step, inner = "", arguments
    for argument in inner:
        yield from ((step + rest, model) for rest, model in sections(argument))


def has_words(annotation: Any) -> bool:
    """Whether a word can stand in the place of a nested document, as `vsl` in that of a mapping."""
    if get_origin(annotation) is Literal:
        return None not in get_args(annotation)
    return any(has_words(each) for each in get_args(annotation))


def options(document: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every option that a value can be given for, e.g. `access_points[].agent`."""
    for name, field in document.model_fields.items():
        path = prefix + (field.alias or name)
        # A document within a document has a part of its own.
        nested = [each for each in sections(field.annotation) if each[1] not in DOCUMENTS.values()]
        if not nested or has_words(field.annotation):
            yield path
        for step, model in nested:
            yield from options(model, f"{path}{step}.")


def documented(name: str) -> list[str]:
    """The options in the first column of the table of a file."""
    reference = REFERENCES.get(name, REFERENCE)
    parts = re.split(r"^## (.+)$", read(reference), flags=re.MULTILINE)
    bodies = {heading.strip(" `"): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}
    assert f"{name}.yaml" in bodies, f"{reference} has no part `## {name}.yaml`"
    rows = [line for line in bodies[f"{name}.yaml"].splitlines() if line.startswith("| `")]
    return [option for row in rows for option in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def shipped(name: str) -> list[Path]:
    """The shipped files of a kind: one of its name, or a folder of them."""
    folder = Path("config") / FOLDERS.get(name, f"{name}s")
    found = [path for path in files() if path == Path("config") / f"{name}.yaml" or path.parent == folder]
    assert found
    return found


def test_discovery_sees_nested_options() -> None:
    """The checks below would pass on nothing if this were blind."""
    assert {"tls.site_ca", "access_points[].agent", "limits.body_bytes"} <= set(options(DOCUMENTS["gateway"]))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_option_is_documented_once_and_none_that_is_not_there(name: str) -> None:
    assert sorted(documented(name)) == sorted(set(options(DOCUMENTS[name])))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_is_fresh(name: str) -> None:
    path = schema_path(name)
    assert path.is_file(), f"{path.name} is missing: run make schemas"
    assert path.read_text(encoding="utf-8") == render(DOCUMENTS[name]), f"{path.name} is stale: run make schemas"


def test_every_schema_has_its_document() -> None:
    found = {path for path in files() if path.parent == Path("config") and path.name.endswith(".schema.json")}
    assert found == {schema_path(name).relative_to(ROOT) for name in DOCUMENTS}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_refuses_unknown_options(name: str) -> None:
    """An editor marks a misspelt option in every section, as the gateway does."""
    schema = json.loads(render(DOCUMENTS[name]))
    objects = [schema, *schema.get("$defs", {}).values()]
    assert all(part["additionalProperties"] is False for part in objects if "properties" in part)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_shipped_files_are_valid(name: str) -> None:
    for path in shipped(name):
        load_document(ROOT / path, DOCUMENTS[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_shipped_files_name_their_schema(name: str) -> None:
    """Editors complete and check it without being told."""
    for path in shipped(name):
        up = "../" * (len(path.parts) - 2)
        assert read(path).splitlines()[0] == f"# yaml-language-server: $schema={up}{name}.schema.json"
