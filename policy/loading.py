"""Configuration files: YAML checked against a pydantic model, with every problem at once, each with line and remedy.

Used for every file of the gateway, not for the policy alone. Values are checked strictly: `"7"` is not a number and
`yes` is not a truth value. A model adds problems that concern several entries with `inconsistent`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from policy import yaml_source

MAXIMUM_BYTES = 1024 * 1024
"""Largest configuration file; a bigger one is a mistake or an attack on the parser."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration file; `str()` is one line for a terminal or a log."""

    file: Path
    line: int | None
    """Counted from 1; `None` where the whole file is concerned."""
    column: int | None
    location: str
    """Keys from the top, dotted, list items by index: `access_points[0].port`; empty for the whole file."""
    message: str
    remedy: str
    """What to do; empty where the message says it."""

    def __str__(self) -> str:
        """Return `file:line: location: message -- remedy`."""
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        text = f"{place}: {self.location}: {self.message}" if self.location else f"{place}: {self.message}"
        return f"{text} -- {self.remedy}" if self.remedy else text


class DocumentError(Exception):
    """A configuration file cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems, sorted by line."""
        self.problems = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Inconsistency:
    """Entries that are each valid but do not fit together."""

    path: tuple[str | int, ...]
    """Keys and indices from where the validator stands down to the entry to blame."""
    message: str
    remedy: str


def inconsistent(found: Sequence[Inconsistency]) -> PydanticCustomError:
    """Return an exception for a validator to raise; the loader reports each inconsistency at its own line."""
    text = "; ".join(f"{_location(each.path)}: {each.message}" if each.path else each.message for each in found)
    return PydanticCustomError("inconsistent", "{text}", {"text": text, "inconsistencies": tuple(found)})


def invalid(message: str, remedy: str) -> PydanticCustomError:
    """Return an exception for a validator of a single value to raise."""
    return inconsistent([Inconsistency((), message, remedy)])


def remark(text: str, path: Path, found: Inconsistency) -> Problem:
    """Return what was found in a valid document, at its line."""
    place = found.path
    return _problem(path, yaml_source.parse(text).mark(place), place, found.message, found.remedy)


def load_document[T: BaseModel](path: Path, model: type[T]) -> T:
    """Read a YAML file and check it against `model`.

    Raises:
        DocumentError: with every problem found, also where the file is missing, unreadable or empty.
    """
    return check_document(read_text(path), path, model)


def check_document[T: BaseModel](text: str, path: Path, model: type[T]) -> T:
    """Check a YAML text against `model`, a list against a `RootModel`; `path` is what problems are named by.

    Raises:
        DocumentError: with every problem found.
    """
    source = yaml_source.parse(text)
    problems = [_problem(path, found.mark, found.path, found.message, found.remedy) for found in source.problems]
    if source.empty:
        if not problems:
            top = ", ".join(name for name, info in model.model_fields.items() if info.is_required())
            remedy = f"give at least {top}" if top else "write at least one setting"
            problems = [_problem(path, None, (), "is empty", remedy)]
        raise DocumentError(problems)
    listed = issubclass(model, RootModel)
    if not isinstance(source.data, list if listed else dict):
        message, remedy = "must hold settings at its top, one `key: value` each", "start with a key"
        if listed:
            message, remedy = "must be a list", "start each entry with `- `"
        raise DocumentError([*problems, _problem(path, source.mark(()), (), message, remedy)])
    try:
        # JSON is the mode of pydantic in which strict checks still read enumerations, addresses and paths from text.
        document = model.model_validate_json(json.dumps(source.data), strict=True)
    except ValidationError as error:
        schema = model.model_json_schema()
        for details in error.errors(include_url=False):
            problems.extend(_translate(path, source, schema, details))
        raise DocumentError(problems) from None
    if problems:
        raise DocumentError(problems)
    return document


def read_text(path: Path) -> str:
    """Return the text of a configuration file.

    Raises:
        DocumentError: it is missing, unreadable, too large or no UTF-8.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError([_problem(path, None, (), "does not exist", "create it or give another path")]) from None
    except IsADirectoryError:
        raise DocumentError([_problem(path, None, (), "is a directory", "give the path of a file")]) from None
    except PermissionError:
        remedy = "let the user that runs the gateway read it"
        raise DocumentError([_problem(path, None, (), "may not be read", remedy)]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise DocumentError([_problem(path, None, (), message, "check the path and the disk")]) from None
    if len(data) > MAXIMUM_BYTES:
        message = f"is larger than {MAXIMUM_BYTES} bytes"
        raise DocumentError([_problem(path, None, (), message, "is this the right file?")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = yaml_source.Mark(data.count(b"\n", 0, error.start) + 1, 1)
        raise DocumentError([_problem(path, mark, (), "is not UTF-8 text", "save it as UTF-8")]) from None


def _problem(
    path: Path, mark: yaml_source.Mark | None, location: Sequence[str | int], message: str, remedy: str
) -> Problem:
    line, column = (None, None) if mark is None else (mark.line, mark.column)
    return Problem(path, line, column, _location(location), message, remedy)


def _location(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _translate(
    path: Path, source: yaml_source.Source, schema: Mapping[str, Any], details: ErrorDetails
) -> Iterator[Problem]:
    place = _known(source, details["loc"])
    context: Mapping[str, Any] = details.get("ctx", {})
    match details["type"]:
        case "inconsistent":
            for each in context["inconsistencies"]:
                below = (*place, *each.path)
                yield _problem(path, source.mark(below), below, each.message, each.remedy)
            return
        case "extra_forbidden":
            message, remedy = "is not a known setting", _suggestion(schema, place)
        case "missing":
            name = details["loc"][-1]
            place = (*place, name)
            message, remedy = "is missing", _expectation(schema, place, f"add `{name}: ...`")
        case "enum" | "literal_error":
            expected = str(context["expected"]).replace("'", "")
            message, remedy = f"{_quote(details['input'])} is not one of the choices", f"use {expected}"
        case "value_error":
            message, remedy = str(context.get("error", details["msg"])), ""
        case kind if kind.endswith(("_type", "_parsing")):
            message = f"{_quote(details['input'])} is of the wrong kind: {_lower(details['msg'])}"
            remedy = _expectation(schema, place, "correct the value; quotes make it text")
        case _:
            message = f"{_quote(details['input'])}: {_lower(details['msg'])}"
            remedy = _expectation(schema, place, "correct the value")
    yield _problem(path, source.mark(place), place, message, remedy)


def _known(source: yaml_source.Source, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Return the part of a pydantic location that is in the file: the names of union members are left out."""
    place: tuple[str | int, ...] = ()
    for part in location:
        if (*place, part) in source.marks:
            place = (*place, part)
    return place


def _quote(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what fits on a terminal line beside the rest


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _suggestion(schema: Mapping[str, Any], place: Sequence[str | int]) -> str:
    known: list[str] = []
    for branch in _branches(schema, place[:-1]):
        known.extend(branch.get("properties", {}))
    close = difflib.get_close_matches(str(place[-1]), known, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"remove it; known here: {', '.join(known)}" if known else "remove it"


def _expectation(schema: Mapping[str, Any], place: Sequence[str | int], otherwise: str) -> str:
    """Return how an entry is written, from the schema: its examples, its choices or its bounds."""
    for branch in _branches(schema, place):
        if examples := branch.get("examples"):
            return f"write for example `{place[-1]}: {examples[0]}`"
        if choices := branch.get("enum"):
            return f"use {_alternatives(choices)}"
        low = branch.get("minimum", branch.get("exclusiveMinimum"))
        high = branch.get("maximum", branch.get("exclusiveMaximum"))
        if low is not None and high is not None:
            above = "above" if "exclusiveMinimum" in branch else "from"
            return f"write a number {above} {low} up to {high}"
    return otherwise


def _alternatives(choices: Sequence[object]) -> str:
    texts = [str(choice) for choice in choices]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _branches(schema: Mapping[str, Any], place: Sequence[str | int]) -> list[Mapping[str, Any]]:
    """Return every part of a JSON schema that may describe the entry at `place`."""
    branches = list(_alternatives_of(schema, schema))
    for part in place:
        below: list[Mapping[str, Any]] = []
        for branch in branches:
            if isinstance(part, int):
                child = branch.get("items")
            else:
                child = branch.get("properties", {}).get(part, branch.get("additionalProperties"))
            if isinstance(child, dict):
                below.extend(_alternatives_of(schema, child))
        branches = below
    return branches


def _alternatives_of(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in node:
        target = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        # Keywords beside a reference (a description, examples) belong to this use of it.
        yield from _alternatives_of(schema, {**target, **{key: node[key] for key in node if key != "$ref"}})
        return
    yield node
    for alternative in node.get("anyOf", ()):
        yield from _alternatives_of(schema, alternative)
