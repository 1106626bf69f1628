"""YAML text as plain data with the line of every entry: strict, bounded, and without YAML 1.1's surprises.

Accepted is what a configuration file needs: mappings with text keys, lists, and scalars after the core schema of
YAML 1.2 (section 10.3). So `off` and `no` are text, and a MAC address such as `10:20:30:40:50:11` is not read as a
number to the base of 60, as YAML 1.1 would. Anchors, aliases, merge keys, tags and several documents in one file are
refused: an alias can make a few lines grow beyond all memory, and a file without them says everything where it stands.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Protocol

import yaml

MAXIMUM_DEPTH = 32
"""Deepest nesting of mappings and lists."""

type Key = str | int
type Path = tuple[Key, ...]
type Value = bool | int | float | str | list[Value] | dict[str, Value] | None

_SURROGATE = re.compile("[\ud800-\udfff]")
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?\Z")


@dataclass(frozen=True)
class Mark:
    """A place in the file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class SourceProblem:
    """What is wrong with the text itself, before its meaning is looked at."""

    mark: Mark | None
    path: Path
    message: str
    remedy: str


@dataclass
class Source:
    """The parsed text: data, places, and what was wrong."""

    data: Value = None
    empty: bool = True
    marks: dict[Path, Mark] = field(default_factory=dict)
    """Of the key, for an entry of a mapping; of the value, for an item of a list."""
    problems: list[SourceProblem] = field(default_factory=list)

    def mark(self, path: Path) -> Mark | None:
        """Return the place of the entry, or of the nearest enclosing one that has a place."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path)


def parse(text: str) -> Source:
    """Parse one YAML document.

    Returns:
        The source. With `problems` that concern syntax, `data` is `None`; duplicate keys and the like leave the
        rest of the data in place, so that its meaning can be checked in the same run.
    """
    source = Source()
    try:
        node = _compose(text)
    except _RefusedError as refused:
        source.problems.append(refused.problem)
        return source
    except yaml.MarkedYAMLError as error:
        source.problems.append(_syntax_problem(text, error))
        return source
    except yaml.YAMLError as error:
        place = getattr(error, "position", None)
        mark = None if place is None else Mark(text.count("\n", 0, place) + 1, 1)
        source.problems.append(
            SourceProblem(mark, (), "holds a character that YAML does not allow", "remove control characters")
        )
        return source
    if node is not None:
        source.empty = False
        source.marks[()] = _mark(node.start_mark)
        source.data = _construct(node, (), source)
    return source


class _RefusedError(Exception):
    def __init__(self, event: yaml.Event, message: str, remedy: str) -> None:
        super().__init__(message)
        mark = None if event.start_mark is None else _mark(event.start_mark)
        self.problem = SourceProblem(mark, (), message, remedy)


class _YamlMark(Protocol):
    """The parser has two classes of marks, one of them its C extension's."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


def _mark(mark: _YamlMark) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _compose(text: str) -> yaml.Node | None:
    _check_events(text)
    loader = yaml.SafeLoader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


def _check_events(text: str) -> None:
    """Refuse, before anything is built, what could grow or recurse, or be read in two ways."""
    depth = 0
    documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
            case yaml.CollectionStartEvent():
                depth += 1
            case yaml.CollectionEndEvent():
                depth -= 1
        if documents > 1:
            raise _RefusedError(event, "holds a second document", "remove the `---` line and merge")
        if depth > MAXIMUM_DEPTH:
            raise _RefusedError(event, f"nests deeper than {MAXIMUM_DEPTH} levels", "flatten it")
        _check_node(event)


def _check_node(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _RefusedError(event, f"uses the alias *{event.anchor}", "write the values out where they are needed")
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        if event.anchor is not None:
            raise _RefusedError(event, f"defines the anchor &{event.anchor}", "remove it")
        if event.tag is not None:
            raise _RefusedError(event, f"uses the tag {event.tag}", "remove it")
    if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
        raise _RefusedError(event, "holds a surrogate, which is no character", "write the character itself")


def _syntax_problem(text: str, error: yaml.MarkedYAMLError) -> SourceProblem:
    place = error.problem_mark or error.context_mark
    mark = None if place is None else _mark(place)
    if mark is not None:
        lines = text.splitlines()
        line = lines[mark.line - 1] if mark.line <= len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column - 1 : mark.column] == "\t":
            return SourceProblem(mark, (), "a tab is used for indentation", "use spaces; YAML allows no tabs there")
    message = "is not valid YAML: " + " ".join(filter(None, (error.context, error.problem)))
    return SourceProblem(mark, (), message, "check indentation, colons and quotes on this line and the one above")


def _construct(node: yaml.Node, path: Path, source: Source) -> Value:
    if isinstance(node, yaml.MappingNode):
        return _construct_mapping(node, path, source)
    if isinstance(node, yaml.SequenceNode):
        items: list[Value] = []
        for index, item in enumerate(node.value):
            source.marks[*path, index] = _mark(item.start_mark)
            items.append(_construct(item, (*path, index), source))
        return items
    return _scalar(node)


def _construct_mapping(node: yaml.MappingNode, path: Path, source: Source) -> dict[str, Value]:
    mapping: dict[str, Value] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            source.problems.append(
                SourceProblem(mark, path, "a key is itself a list or mapping", "use plain text as key")
            )
            continue
        key: str = key_node.value
        entry = (*path, key)
        if key in mapping:
            first = source.marks[entry].line
            source.problems.append(
                SourceProblem(mark, entry, f"is given twice, first on line {first}", "keep one of the two")
            )
            continue
        source.marks[entry] = mark
        mapping[key] = _construct(value_node, entry, source)
    return mapping


def _scalar(node: yaml.Node) -> Value:
    text: str = node.value
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    if not plain:
        return text
    if _NULL.match(text):
        return None
    if _BOOLEAN.match(text):
        return text.lower() == "true"
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text) and math.isfinite(number := float(text)):
        return number
    return text
