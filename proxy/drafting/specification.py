"""Reads an OpenAPI document, 3.0 or 3.1: its operations with what they take, and how callers prove who they are.

Only what is in the document counts: a reference into another file or to another machine is told, not followed.
Sources: https://spec.openapis.org/oas/v3.1.1.html and https://spec.openapis.org/oas/v3.0.4.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import yaml

from policy.printable import printable

LARGEST_FILE = 16 * 1024 * 1024
LARGEST_YAML = 2 * 1024 * 1024
"""More takes the parser minutes; JSON is read at once."""
MOST_OPERATIONS = 4096
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LONGEST_CHAIN = 16
"""References that lead to references."""
_VERSION = re.compile(r"3\.[01]\.\d+(-.+)?")


class SpecificationError(Exception):
    """A file is no OpenAPI document that can be used; the text names it and says what is wanted."""


class Parameter(NamedTuple):
    """What an operation takes beside its body."""

    name: str
    place: str
    """path, query, header or cookie."""
    schema: Mapping[str, Any]
    example: Any = None
    """A value that the document gives for it; None where it gives none."""


class Body(NamedTuple):
    """What an operation takes as its body."""

    schemas: Mapping[str, Mapping[str, Any]]
    """Schema by media type, in the order of the document."""
    required: bool
    examples: Mapping[str, Any] = {}
    """By media type, a body that the document gives."""


class Operation(NamedTuple):
    """One method of one path."""

    template: str
    method: str
    """In capitals."""
    summary: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    answers: tuple[str, ...]
    """Media types of its good answers."""
    open: bool
    """Whether the document says that it takes no credential."""
    lists: bool = False
    """Whether it answers with a list."""


class SecurityScheme(NamedTuple):
    """How callers prove who they are."""

    name: str
    kind: str
    """apiKey, http, oauth2, openIdConnect or mutualTLS."""
    detail: Mapping[str, Any]
    used: bool
    """Whether the document asks for it everywhere."""


class Specification:
    """One OpenAPI document."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.remarks: dict[str, None] = {}
        """What of the document was not understood, each once, in order."""

    @property
    def title(self) -> str:
        """Title and version."""
        info = _mapping(self._data.get("info"))
        return printable(" ".join(filter(None, (text_in(info.get(name)) for name in ("title", "version")))), 120)

    @property
    def base(self) -> str:
        """Path that stands before all others, from the first of the servers; empty where there is none."""
        for server in _items(self._data.get("servers")):
            url = text_in(_mapping(server).get("url"))
            variables = _mapping(_mapping(server).get("variables"))
            for name, variable in variables.items():
                url = url.replace(f"{{{name}}}", text_in(_mapping(variable).get("default")))
            try:
                path = unquote(urlsplit(url).path).rstrip("/")
            except ValueError:
                continue
            return "" if "{" in path else path
        return ""

    def remark(self, text: str) -> None:
        """Note what was not understood."""
        if len(self.remarks) < MOST_OPERATIONS:
            self.remarks.setdefault(printable(text, 200))

    def resolved(self, node: object) -> Mapping[str, Any]:
        """Return a part of the document, or what it refers to; empty where that is nothing that can be used."""
        for _ in range(_LONGEST_CHAIN):
            part = _mapping(node)
            reference = part.get("$ref")
            if not isinstance(reference, str):
                return part
            if not reference.startswith("#"):
                self.remark(f"{reference} is another document; it was not read")
                return {}
            node = self._at(reference)
        self.remark("references that lead in a circle")
        return {}

    def _at(self, reference: str) -> object:
        node: object = self._data
        for part in reference.removeprefix("#").split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                self.remark(f"{reference} leads nowhere")
                return {}
        return node

    def operations(self) -> Iterator[Operation]:
        """Yield the operations, at most `MOST_OPERATIONS`."""
        count = 0
        for template, item in _mapping(self._data.get("paths")).items():
            path = self.resolved(item)
            for method in _METHODS:
                if not isinstance(path.get(method), Mapping):
                    continue
                if (count := count + 1) > MOST_OPERATIONS:
                    self.remark(f"there are more than {MOST_OPERATIONS} operations; the others were not read")
                    return
                yield self._operation(str(template), method, path)

    def _operation(self, template: str, method: str, path: Mapping[str, Any]) -> Operation:
        found = _mapping(path[method])
        # What an operation says of a parameter counts instead of what its path says of it.
        parameters = {
            (each.name, each.place): each
            for given in (path.get("parameters"), found.get("parameters"))
            for each in map(self._parameter, _items(given))
        }
        answers: dict[str, None] = {}
        lists = False
        for status, answer in _mapping(found.get("responses")).items():
            if str(status).startswith("2"):
                content = _mapping(self.resolved(answer).get("content"))
                answers |= dict.fromkeys(map(_media, content))
                schemas = [self.resolved(_mapping(each).get("schema")) for each in content.values()]
                lists |= any(each.get("type") == "array" for each in schemas)
        asked = found.get("security", self._data.get("security"))
        return Operation(
            template=template,
            method=method.upper(),
            summary=" ".join(printable(text_in(found.get("summary") or found.get("operationId")), 100).split()),
            parameters=tuple(parameters.values()),
            body=self._body(found.get("requestBody")),
            answers=tuple(answers),
            open=isinstance(asked, list) and (not asked or {} in asked),
            lists=lists,
        )

    def _parameter(self, given: object) -> Parameter:
        found = self.resolved(given)
        content = _mapping(found.get("content"))
        schema = next((_mapping(each).get("schema") for each in content.values()), None) or found.get("schema")
        resolved = self.resolved(schema)
        example = self.example(found)
        example = given_example(resolved) if example is None else example
        return Parameter(text_in(found.get("name")), text_in(found.get("in")), resolved, example)

    def example(self, node: Mapping[str, Any]) -> Any:
        """Return the value that a parameter or media type has as an example; None where there is none."""
        if node.get("example") is not None:
            return node["example"]
        named = [self.resolved(each) for each in _mapping(node.get("examples")).values()]
        return next((each["value"] for each in named if each.get("value") is not None), None)

    def _body(self, given: object) -> Body | None:
        if given is None:
            return None
        found = self.resolved(given)
        content = _mapping(found.get("content"))
        schemas = {_media(name): self.resolved(_mapping(each).get("schema")) for name, each in content.items()}
        examples: dict[str, Any] = {}
        for name, each in content.items():
            example = self.example(_mapping(each))
            examples[_media(name)] = given_example(schemas[_media(name)]) if example is None else example
        return Body(schemas, found.get("required") is True, examples) if schemas else None

    def security(self) -> list[SecurityScheme]:
        """Return how callers prove who they are, what is asked for everywhere first."""
        wanted = {name for each in _items(self._data.get("security")) for name in _mapping(each)}
        schemes = _mapping(_mapping(self._data.get("components")).get("securitySchemes"))
        found = [
            SecurityScheme(str(name), text_in(detail.get("type")), detail, name in wanted)
            for name, detail in ((name, self.resolved(each)) for name, each in schemes.items())
        ]
        return sorted(found, key=lambda each: not each.used)


def _mapping(node: object) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def _items(node: object) -> Sequence[Any]:
    return node if isinstance(node, list) else ()


def given_example(schema: Mapping[str, Any]) -> Any:
    """Return a value that a schema gives for itself; None where it gives none."""
    for each in (schema.get("example"), *_items(schema.get("examples")), schema.get("default"), schema.get("const")):
        if each is not None:
            return each
    return next((each for each in _items(schema.get("enum")) if each is not None), None)


def text_in(node: object) -> str:
    """Return a text or number of the document as text; empty for anything else, however large its aliases make it."""
    return str(node) if isinstance(node, str | int | float) else ""


def _media(name: str) -> str:
    return name.partition(";")[0].strip().lower()


def read_specification(file: Path) -> Specification:
    """Read an OpenAPI document, JSON or YAML.

    Raises:
        SpecificationError: it cannot be read, or is none of version 3.0 or 3.1.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SpecificationError(f"{file}: {error.strerror} -- give the path of an OpenAPI document") from error
    if len(raw) > LARGEST_FILE:
        raise SpecificationError(f"{file}: is larger than {LARGEST_FILE} bytes -- is this the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecificationError(f"{file}: is not UTF-8 text -- save it as UTF-8") from error
    return parse_specification(text, file)


def parse_specification(text: str, file: Path) -> Specification:
    """Return what a text says; `file` is what problems are named by.

    Raises:
        SpecificationError: it is no OpenAPI document of version 3.0 or 3.1.
    """
    data = _parsed(text, file)
    if not isinstance(data, dict):
        raise SpecificationError(f"{file}: is no OpenAPI document -- it must hold `openapi: 3...` at its top")
    version = text_in(data.get("openapi"))
    if "swagger" in data and not version:
        given = printable(text_in(data["swagger"]), 20)
        raise SpecificationError(f"{file}: is of version {given} -- convert it to OpenAPI 3, with any converter")
    if _VERSION.fullmatch(version) is None:
        given = f"says `openapi: {printable(version, 20)}`" if version else "has no `openapi` at its top"
        raise SpecificationError(f"{file}: {given} -- give a document of version 3.0 or 3.1")
    if not isinstance(data.get("paths"), dict) or not data["paths"]:
        raise SpecificationError(f"{file}: has no `paths` -- there is nothing that a mapping could be made of")
    return Specification(data)


def _parsed(text: str, file: Path) -> object:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise SpecificationError(f"{file}:{error.lineno}: is not valid JSON: {error.msg}") from error
        except RecursionError:
            raise SpecificationError(f"{file}: nests too deeply -- is this the right file?") from None
        except ValueError as error:
            raise SpecificationError(f"{file}: holds a number that is too long -- correct it") from error
    if len(text) > LARGEST_YAML:
        raise SpecificationError(f"{file}: is larger than {LARGEST_YAML} bytes of YAML -- give the document as JSON")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 -- a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = file if mark is None else f"{file}:{mark.line + 1}"
        raise SpecificationError(f"{place}: is not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise SpecificationError(f"{file}: holds a character that YAML does not allow -- remove it") from error
    except (RecursionError, ValueError):
        raise SpecificationError(f"{file}: is not valid YAML, or nests too deeply -- is this the right file?") from None


class _Loader(yaml.SafeLoader):
    """YAML as the core schema of version 1.2 reads scalars: `on` and `2024-01-01` are texts. Aliases are not copied."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]{1,18}", [*"-+0123456789"]),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?", [*"-+.0123456789"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)
