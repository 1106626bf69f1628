"""Mapping documents: which requests of a middleware are which accesses (`docs/mappings.md`)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from policy.inferred import PREFIX, is_inferred
from policy.loading import Inconsistency, inconsistent, invalid
from policy.section import Section
from proxy.decoders.rest.pattern import Pattern
from proxy.decoders.rest.template import NAME, Template

MOST_ROUTES = 1000
MOST_SEGMENTS = 32
MOST_OF_A_ROUTE = 256
"""Members, parameters, or variables."""
MOST_WORDS = 256
MOST_WILDCARDS = 8
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_PARAMETER = re.compile(r"[!-$'-:<>-~]{1,128}")
_SEGMENT = re.compile(r"[A-Za-z0-9._~:@!$&'()*,=+-]+")
_POINTER = re.compile(r"(?:/(?:[^~/\x00-\x1f\x7f]|~[01])*)*")
_POINTER_LENGTH = 256
_TYPE = re.compile(r"(?:/(?:[A-Za-z0-9._:-]|\{[a-z][a-z0-9_]{0,31}\})+)+")
_HOLE = re.compile(r"\{([^{}]*)\}")
OVERRIDES = frozenset(
    {"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"}
)
"""Header fields with which some servers replace the method or the target that was judged."""
OWN = OVERRIDES | {
    *("authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host"),
    *("keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    *("http2-settings", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
}
"""Header fields that a mapping cannot have passed on by `headers`."""

_CHECKED_TYPES = frozenset({"/basic/number", "/basic/boolean"})

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Operation = Literal["get", "set", "subscribe", "unsubscribe", "invoke", "create", "delete", "notify"]
BodyKind = Literal["json", "form", "text", "none", "opaque"]
CaseKind = Literal["sensitive", "insensitive"]
Form = Literal["integer"]


def header_name(text: str) -> str:
    """Return the name of a header field in lower case.

    Raises:
        PydanticCustomError: it is none.
    """
    if not _HEADER.fullmatch(text.lower()):
        raise invalid(f"{text[:40]!r} is not the name of a header field", "write it like x-custom")
    return text.lower()


def _passed_header(text: str) -> str:
    name = header_name(text)
    if name in OWN:
        raise invalid(
            f"{name} is written by the gateway itself, or changes what was judged",
            "remove it; credentials belong in `token`",
        )
    return name


def _parameter_name(text: str) -> str:
    if not _PARAMETER.fullmatch(text):
        raise invalid(
            f"{text[:40]!r} is not the name of a parameter", "write it decoded, in printable ASCII without & = ; +"
        )
    return text


def pointer_tokens(pointer: str) -> tuple[str, ...]:
    """Return the reference tokens of a valid JSON pointer (RFC 6901); of the whole document, none."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def _pointer(text: str) -> str:
    if len(text) > _POINTER_LENGTH or not _POINTER.fullmatch(text) or text.count("/") > MOST_SEGMENTS // 2:
        raise invalid(
            f"{text[:40]!r} is not a JSON pointer", 'write it like /params/on (RFC 6901), or "" for the whole'
        )
    return text


def _glob(text: str) -> str:
    if len(text) > _POINTER_LENGTH or text.count("*") > MOST_WILDCARDS:
        raise invalid(f"{text[:40]!r} is too long or has too many *", f"use up to {MOST_WILDCARDS}")
    return text


def _template(*, segments: bool) -> AfterValidator:
    def check(text: str) -> str:
        Template(text, segments=segments)
        if not segments and text.startswith("_"):
            raise invalid(f"{text[:40]!r} begins like the names that are reserved, as _all", "begin it with a letter")
        return text

    return AfterValidator(check)


def _checked_pattern(text: str) -> str:
    Pattern(text)
    return text


def _type(text: str) -> str:
    if not _TYPE.fullmatch(text) or len(text) > _POINTER_LENGTH:
        raise invalid(f"{text[:40]!r} is not a type", "write it like /hue/light, or /site/{domain}")
    if is_inferred(f"{text}/"):
        # A guess that a policy holds for weak would be strong.
        raise invalid(f"{text[:40]!r} is the name of a type that was inferred", f"name it without {PREFIX.rstrip('/')}")
    return text


Pointer = Annotated[str, AfterValidator(_pointer)]
ParameterName = Annotated[str, AfterValidator(_parameter_name)]
HeaderName = Annotated[str, AfterValidator(header_name)]
PassedHeader = Annotated[str, AfterValidator(_passed_header)]
Glob = Annotated[str, AfterValidator(_glob)]
VariableName = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
PatternText = Annotated[str, AfterValidator(_checked_pattern)]
ServiceTemplate = Annotated[str, Field(min_length=1), _template(segments=False)]
NodeTemplate = Annotated[str, _template(segments=True)]
TypeTemplate = Annotated[str, AfterValidator(_type)]
TokenName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$", max_length=64)]
MediaType = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+_-]{0,63}/[a-z0-9][a-z0-9.+_-]{0,63}$")]


def _one_of(section: Section, names: tuple[str, ...]) -> str:
    given = [name for name in names if getattr(section, name) is not None]
    if len(given) != 1:
        raise invalid(
            f"has {' and '.join(given) if given else 'none of ' + ', '.join(names)}", f"give one of {', '.join(names)}"
        )
    return given[0]


class Token(Section):
    """Where a request carries the credential of its sender. It goes on where it was, and never into the audit."""

    path: VariableName | None = None
    """The variable of the paths that it is."""
    header: HeaderName | None = None
    """The header field."""
    scheme: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,32}$")] | None = None
    """What stands before it in the field, as `Bearer` in Authorization."""
    part: Literal["user"] | None = None
    """Of `Basic`: the user name is it, where the password is empty; a name with a password is one as a whole."""
    query: ParameterName | None = None
    """The parameter of the target."""
    cookie: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")] | None = None
    """The cookie; no other one is passed on."""
    name: TokenName | None = None
    """Where it has one, only requests of routes that list it in `token` may carry it; else all may."""
    identifies: bool = True
    """The same with every call of one service; false for one that is computed anew, as with HTTP Digest."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        where = _one_of(self, ("path", "header", "query", "cookie"))
        if self.scheme is not None and where != "header":
            raise invalid("a scheme stands only in a header field", "remove `scheme`")
        if self.part is not None and (self.scheme or "").lower() != "basic":
            raise invalid("only `Basic` has a user name in it", "write `scheme: Basic`, or remove `part`")
        if self.header in OWN - {"authorization"}:
            raise invalid(f"{self.header} cannot carry a credential", "a cookie is given as `cookie`")
        return self


class ErrorForm(Section):
    """How an answer of the gateway's own looks."""

    status: Annotated[int, Field(ge=400, le=599)] = 403
    content_type: Annotated[str, Field(pattern=r"^[!-~]+(?: [!-~]+)*$", max_length=128)] = "application/json"
    body: Annotated[str, Field(max_length=4096)] = '{"message":"{message}"}'
    """`{message}` is replaced by the reason in plain words, escaped for JSON."""


class Case(Section):
    """Where the middleware takes upper and lower case (of ASCII) for the same. It is sent on in lower case."""

    path: CaseKind = "sensitive"
    query: CaseKind = "sensitive"
    """Names of parameters."""


class Like(Section):
    """A condition on a text."""

    like: Glob
    """The text; `*` stands for anything."""
    case: CaseKind = "sensitive"


Condition = Glob | bool | int | Like


class When(Section):
    """Further conditions of a route: all of them must hold. `"*"` is: it is there."""

    body: Annotated[dict[Pointer, Condition], Field(max_length=16)] = Field(default={})
    """By JSON pointer; of a form, `/name` is a field."""
    query: Annotated[dict[ParameterName, Condition], Field(max_length=16)] = Field(default={})
    headers: Annotated[dict[PassedHeader, Condition], Field(max_length=16)] = Field(default={})
    """These fields are passed on."""


class Variable(Section):
    """Where a further variable of a route comes from.

    Where it is not there, the route does not match. Where it is there and is not what it should be, the request is an
    unknown node: no later route gets it.
    """

    body: Pointer | None = None
    query: ParameterName | None = None
    variable: VariableName | None = None
    """Another variable, of the path or of those before this one."""
    pattern: PatternText | None = None
    """The whole text must match; its named groups become variables too."""
    form: Form | None = None
    """`integer`: a whole number from 0 in its one spelling. Another spelling is refused in every mode."""
    selects: bool = False
    """What is not as it should be is of a later route: the variable tells routes apart, as `when` does."""
    same_as: VariableName | None = None
    """Another variable, of the path or of those before this one, whose value this one must have."""
    private: bool = False
    """It stays out of the audit. It is no part of an address, and the value of an access only where that is private."""
    case: CaseKind = "sensitive"
    """`insensitive`: it is made lower case first."""
    default: Annotated[str, Field(max_length=256)] | None = None
    """The value where the member or parameter is not there."""
    many: bool = False
    """The member may be a list of texts: one access for each of them."""
    decides: bool = False
    """What is done depends on its value, which may be any: models learn each by itself, by one of 4,096 classes."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        where = _one_of(self, ("body", "query", "variable"))
        if self.many and where != "body":
            raise invalid("only a member of a body can be a list", "remove `many`")
        if self.decides and self.private:
            raise invalid("what is private is not learnt", "remove `decides` or `private`")
        if self.default is not None and where == "variable":
            raise invalid("another variable is always there", "remove `default`")
        return self


class Bounded(Section):
    """What is known of the values of something."""

    data_type: TypeTemplate | None = None
    """/basic/number, /basic/text, /basic/boolean, /basic/composed, or one of the middleware's own."""
    minimum: float | None = None
    """A smaller number, or what is no number, is refused as `out-of-range`."""
    maximum: float | None = None
    choices: Annotated[list[str], Field(min_length=1, max_length=MOST_WORDS)] | None = None
    """Any other text is refused as `out-of-range`."""
    integer: bool = False
    """It is a whole number; in its one spelling."""
    texts: bool = False
    """In JSON, numbers and booleans may be written as texts; those are then what they must be elsewhere."""
    longest: Annotated[int, Field(ge=1, le=1 << 20)] = 4096
    """Characters that it may have. Beyond 4,096 only its length is written down and learnt."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise invalid("the minimum is above the maximum", "exchange them")
        if self.data_type is not None and "{" in self.data_type:
            raise invalid(f"{self.data_type!r} holds a variable", "data types are fixed: write one route for each")
        return self

    @property
    def bounds_values(self) -> bool:
        """Whether there are values that it does not allow."""
        bounds = (self.minimum, self.maximum, self.choices, self.integer or None)
        own = self.longest if "longest" in self.model_fields_set else None
        return any(each is not None for each in (*bounds, own)) or self.data_type in _CHECKED_TYPES


class Member(Bounded):
    """One of several values that a request carries: an access of its own."""

    node: NodeTemplate = ""
    """The node, below the service."""
    private: bool = False
    """Its value stays out of accesses, models and the audit."""


class Value(Section):
    """Where the value of an access comes from."""

    body: Pointer | None = None
    query: ParameterName | None = None
    variable: VariableName | None = None
    text: Annotated[str, Field(max_length=256)] | None = None
    """The same every time."""
    private: bool = False
    """It stays out of accesses, models and the audit."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        _one_of(self, ("body", "query", "variable", "text"))
        return self


class Allowed(Bounded):
    """A parameter or member that is passed on without being an access of its own; within its bounds if it has any."""

    like: Condition | None = None
    """What it must be; anything where this is left out. Anything else is an unknown node."""


class Route(Bounded):
    """Requests of one kind, and what they mean."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """In plain words, for people."""
    method: Method | Annotated[list[Method], Field(min_length=1)]
    path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=1024)]
    """Segments; `{variable}` is one whole segment, `{rest...}` at the end one or more."""
    token: bool | Annotated[list[TokenName], Field(min_length=1, max_length=8)] = True
    """Which credentials its requests may carry beside one in the path: those without a name, none, or these."""
    when: When = When()
    variables: Annotated[dict[VariableName, Variable], Field(max_length=16)] = Field(default={})
    """Further variables, in order."""
    service: ServiceTemplate | None = None
    """The destination: `/<agent>/<this>`. Left out only with `everything`."""
    type: TypeTemplate
    """The destination's service type; the variables in it must be in `vocabulary`."""
    operation: Operation
    node: NodeTemplate = ""
    """The node, below the service; empty for the service itself."""
    value: Value | None = None
    members: Annotated[dict[str, Member], Field(max_length=MOST_OF_A_ROUTE)] = Field(default={})
    """One access for each that the request has: by JSON pointer into the body, or `?name` for a parameter."""
    body: BodyKind = "none"
    """What the body must be; anything else is refused."""
    optional_body: bool = False
    """There may be none."""
    fields: Annotated[dict[Pointer, Allowed], Field(max_length=MOST_OF_A_ROUTE)] = Field(default={})
    """Members of the body that are passed on without being an access; others are an unknown node."""
    query: Annotated[dict[ParameterName, Allowed], Field(max_length=MOST_OF_A_ROUTE)] = Field(default={})
    """Parameters that are passed on without being an access; others are an unknown node."""
    ranges: Annotated[dict[VariableName, Bounded], Field(max_length=16)] = Field(default={})
    """Bounds of variables of the path."""
    lasting: bool = False
    """The answer comes when something happens: server-sent events, long-poll."""
    everything: bool = False
    """It touches all services at once: the access is one to the service `_all`."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, also where there is one."""
        return tuple(self.method) if isinstance(self.method, list) else (self.method,)

    @property
    def segments(self) -> tuple[str, ...]:
        """The path, divided; `/` is one empty segment."""
        return tuple(self.path.split("/")[1:])

    @property
    def path_variables(self) -> tuple[str, ...]:
        """Names of the variables of the path, in order."""
        return tuple(each[1:-1].removesuffix("...") for each in self.segments if each.startswith("{"))

    @property
    def all_variables(self) -> tuple[str, ...]:
        """Names of all variables, in order; those of patterns after the one they belong to."""
        names = [*self.path_variables]
        for name, variable in self.variables.items():
            names.append(name)
            if variable.pattern is not None:
                names += Pattern(variable.pattern).groups
        return tuple(names)

    @property
    def private_variables(self) -> frozenset[str]:
        """Names of variables that stay out of the audit: with those that they are made of, and their groups."""
        found: set[str] = set()
        for name, variable in reversed(self.variables.items()):
            groups = () if variable.pattern is None else Pattern(variable.pattern).groups
            if variable.private or not found.isdisjoint({name, *groups}):
                found.update((name, *groups, *(() if variable.variable is None else (variable.variable,))))
        return frozenset(found)

    @property
    def private_parameters(self) -> frozenset[str]:
        """Parameters of the target whose values stay out of the audit."""
        private = self.private_variables
        return frozenset(
            {
                *(name[1:] for name, member in self.members.items() if name.startswith("?") and member.private),
                *(each.query for name, each in self.variables.items() if name in private and each.query is not None),
                *(() if self.value is None or not self.value.private or not self.value.query else (self.value.query,)),
            }
        )

    def takes(self, token: Token) -> bool:
        """Say whether requests of this route may carry a credential in that place."""
        if token.path is not None:
            return token.path in self.path_variables
        return self.token is True if token.name is None else isinstance(self.token, list) and token.name in self.token

    @property
    def pointers(self) -> frozenset[str]:
        """Everything of the body that has a meaning here."""
        return frozenset(
            {
                *self.when.body,
                *self.fields,
                *(name for name in self.members if not name.startswith("?")),
                *(variable.body for variable in self.variables.values() if variable.body is not None),
                *(() if self.value is None or self.value.body is None else (self.value.body,)),
            }
        )

    @property
    def parameters(self) -> frozenset[str]:
        """Every parameter of the target that has a meaning here, without a token."""
        return frozenset(
            {
                *self.when.query,
                *self.query,
                *(name[1:] for name in self.members if name.startswith("?")),
                *(variable.query for variable in self.variables.values() if variable.query is not None),
                *(() if self.value is None or self.value.query is None else (self.value.query,)),
            }
        )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [
            *self._path_problems(),
            *self._variable_problems(),
            *self._meaning_problems(),
            *self._body_problems(),
        ]
        if found:
            raise inconsistent(found)
        return self

    def _path_problems(self) -> Iterator[Inconsistency]:
        segments = self.segments
        if len(segments) > MOST_SEGMENTS:
            yield Inconsistency(("path",), "has too many segments", f"use up to {MOST_SEGMENTS}")
        for i, segment in enumerate(segments):
            last = i == len(segments) - 1
            if segment.startswith("{") and segment.endswith("}"):
                name = segment[1:-1].removesuffix("...")
                if not NAME.fullmatch(name):
                    yield Inconsistency(("path",), f"{segment} is no variable", "write a name of a-z, 0-9 and _")
                elif segment.endswith("...}") and not last:
                    yield Inconsistency(("path",), f"{segment} takes all that follows", "put it at the end")
            elif not (last and not segment) and (not _SEGMENT.fullmatch(segment) or segment in {".", ".."}):
                yield Inconsistency(
                    ("path",),
                    f"{segment!r} is no segment of a path",
                    "write it decoded, in ASCII; a {variable} is a whole segment; divide it by `pattern`",
                )

    def _variable_problems(self) -> Iterator[Inconsistency]:
        known = set(self.path_variables)
        if len(known) != len(self.path_variables):
            yield Inconsistency(("path",), "a variable stands twice", "give each its own name")
        for name, variable in self.variables.items():
            place = ("variables", name)
            groups = () if variable.pattern is None else Pattern(variable.pattern).groups
            for each in (name, *groups):
                if each in known:
                    yield Inconsistency(place, f"the variable {each} is there already", "give it another name")
            yield from _strangers(place, variable, known)
            known.update((name, *groups))
        if sum(variable.many for variable in self.variables.values()) > 1:
            yield Inconsistency(("variables",), "several variables are lists", "let only one have `many`")
        for name in self.ranges:
            if name not in self.path_variables:
                yield Inconsistency(("ranges", name), f"{name} is no variable of the path", "correct the name")
        yield from self._unknown_in_templates(known)
        yield from self._private_in_templates()
        if self.value is not None and self.value.variable is not None and self.value.variable not in known:
            yield Inconsistency(
                ("value", "variable"), f"{self.value.variable} is no variable of this route", "correct it"
            )

    def _unknown_in_templates(self, known: set[str]) -> Iterator[Inconsistency]:
        used: list[tuple[tuple[str, ...], str]] = [
            (("service",), self.service or ""),
            (("type",), self.type),
            (("node",), self.node),
            *((("members", name, "node"), member.node) for name, member in self.members.items()),
        ]
        for place, text in used:
            for name in _HOLE.findall(text):
                if name not in known:
                    yield Inconsistency(place, f"{{{name}}} is no variable of this route", "correct the name")

    def _private_in_templates(self) -> Iterator[Inconsistency]:
        private = self.private_variables
        texts = [self.service or "", self.type, self.node, *(member.node for member in self.members.values())]
        used = {name for text in texts for name in _HOLE.findall(text)}
        for name in sorted(private & used):
            yield Inconsistency(
                ("variables",), f"{{{name}}} is private, and would get into addresses", "name something else"
            )
        if self.value is not None and self.value.variable in private and not self.value.private:
            yield Inconsistency(("value",), f"{self.value.variable} is private", "add `private: true` to `value`")

    def _meaning_problems(self) -> Iterator[Inconsistency]:
        if self.service is None and not self.everything:
            yield Inconsistency(("service",), "is missing", "add `service: ...`, or `everything: true`")
        if self.everything and (self.service is not None or self.members or "{" in self.type or self.node):
            yield Inconsistency(
                ("everything",),
                "all services together have neither a service, a node, members nor a type with variables",
                "remove those, or `everything`",
            )
        if self.members and (self.value is not None or self.data_type is not None):
            yield Inconsistency(("members",), "each has its own value", "remove `value` and `data_type` of the route")
        bounded = {
            name
            for name, field in Bounded.model_fields.items()
            if name != "data_type" and getattr(self, name) != field.default
        }
        if self.value is None and bounded:
            yield Inconsistency((), "has bounds, but no value", f"add `value`, or remove {', '.join(sorted(bounded))}")
        for name in self.members:
            try:
                (_parameter_name if name.startswith("?") else _pointer)(name.removeprefix("?"))
            except Exception:  # noqa: BLE001 -- told at its place
                yield Inconsistency(("members", name), "is neither a pointer nor a ?parameter", "write /on or ?on")

    def _body_problems(self) -> Iterator[Inconsistency]:
        for pointer in self.pointers:
            level = pointer.count("/")
            if self.body in {"none", "opaque"}:
                message, remedy = (
                    f"{pointer!r} is looked for in a body that is not read",
                    "write `body: json` or another",
                )
            elif self.body == "text" and pointer:
                message, remedy = f"{pointer!r} is looked for in a plain text", 'use "" for the whole text'
            elif self.body == "form" and level != 1:
                message, remedy = f"{pointer!r} is no field of a form", "write it like /name"
            else:
                continue
            yield Inconsistency(("body",), message, remedy)
        if self.body != "none" and set(self.methods) <= {"GET", "HEAD"}:
            yield Inconsistency(("body",), "a GET has no body that all servers read alike", "remove `body`")
        if self.optional_body and self.body == "none":
            yield Inconsistency(("optional_body",), "there is no body anyway", "remove it")


class MappingDocument(Section):
    """A mapping file: a middleware's requests, in the order in which they are looked for."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Of the middleware, for people."""
    source: Annotated[str, Field(max_length=512)] = ""
    """Where its interface is documented."""
    token: Token | Annotated[list[Token], Field(min_length=1, max_length=8)] | None = None
    """Where the credentials of services are; a call may carry one of them."""
    refusal: ErrorForm = ErrorForm()
    """What services are told whose call was refused."""
    unavailable: ErrorForm | None = None
    """What they are told where the access point does not answer; by default `refusal` with the status 503."""
    booleans: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=32)] = Field(
        default=["true", "false", "on", "off", "1", "0"]
    )
    """The words for /basic/boolean in parameters, forms and texts; JSON has its own."""
    headers: Annotated[list[PassedHeader], Field(max_length=32)] = Field(default=[])
    """Header fields that are passed on beside the usual harmless ones."""
    case: Case = Case()
    content_types: Annotated[dict[BodyKind, Annotated[list[MediaType], Field(max_length=16)]], Field(max_length=4)] = (
        Field(default={})
    )
    """Further media types with which services send bodies of a kind; sent on as the kind's own."""
    vocabulary: Annotated[
        dict[VariableName, Annotated[list[Word], Field(min_length=1, max_length=MOST_WORDS)]], Field(max_length=64)
    ] = Field(default={})
    """Closed sets: a type may be built of variables with these names; any other value is an unknown node."""
    learning: bool = False
    """For a middleware that is not known yet: what no route matches goes on, where the mode lets it, with all its
    header fields, and the audit has what a mapping is drafted from (`alleyes decoder learn`). It may have no routes."""
    routes: Annotated[list[Route], Field(max_length=MOST_ROUTES)] = Field(default=[])
    """The first that matches counts; what none matches is an unknown node."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The places of credentials, also where there is one."""
        if self.token is None:
            return ()
        return tuple(self.token) if isinstance(self.token, list) else (self.token,)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        found = [*self._token_problems(), *self._type_problems(), *self._repeated()]
        if not self.routes and not self.learning:
            remedy = "add one, or write `learning: true` to learn them from traffic"
            found.append(Inconsistency(("routes",), "is missing: nothing would be understood", remedy))
        if found:
            raise inconsistent(found)
        return self

    def _token_problems(self) -> Iterator[Inconsistency]:
        secret = {token.path for token in self.tokens if token.path is not None}
        if secret and self.routes and not any(secret & set(route.path_variables) for route in self.routes):
            yield Inconsistency(("token",), f"no path has {{{min(secret)}}}", "correct the name of the variable")
        if sum(token.query is not None and token.name is None for token in self.tokens) > 1:
            yield Inconsistency(
                ("token",),
                "several parameters are credentials that any request may carry",
                "give them a `name`, and the routes that take them `token: [name]`; a value to hide is `private`",
            )
        names = {token.name for token in self.tokens if token.name is not None}
        for i, route in enumerate(self.routes):
            for name in route.token if isinstance(route.token, list) else ():
                if name not in names:
                    yield Inconsistency(("routes", i, "token"), f"no token is named {name}", "correct the name")
            hidden = {token.query for token in self.tokens if token.query is not None and route.takes(token)}
            texts = [route.service or "", route.node, *(member.node for member in route.members.values())]
            used = {name for text in texts for name in _HOLE.findall(text)}
            used |= {variable.variable for variable in route.variables.values() if variable.variable is not None}
            if route.value is not None and route.value.variable is not None:
                used.add(route.value.variable)
            for name in sorted(secret & used):
                yield Inconsistency(
                    ("routes", i), f"{{{name}}} is a credential, and would get into addresses", "name something else"
                )
            for name in sorted(hidden & route.parameters):
                yield Inconsistency(
                    ("routes", i), f"the parameter {name} is a credential", "leave it out; it is passed on"
                )

    def _type_problems(self) -> Iterator[Inconsistency]:
        for i, route in enumerate(self.routes):
            for name in _HOLE.findall(route.type):
                if name not in self.vocabulary:
                    yield Inconsistency(
                        ("routes", i, "type"),
                        f"{{{name}}} has no closed set of values",
                        f"add `{name}: [...]` to `vocabulary`",
                    )
            if self._may_be_inferred(route.type):
                yield Inconsistency(
                    ("routes", i, "type"),
                    f"it may become a type that was inferred, {PREFIX}...",
                    f"take {PREFIX.strip('/')!r} out of `vocabulary`, or begin the type with a fixed segment",
                )

    def _may_be_inferred(self, service_type: str) -> bool:
        """Tell whether the first segment of a type, with the words that its variables may have, is the reserved one."""
        first = service_type.split("/")[1]
        parts = [
            "|".join(map(re.escape, self.vocabulary.get(part, ()))) if odd else re.escape(part)
            for odd, part in ((i % 2, part) for i, part in enumerate(_HOLE.split(first)))
        ]
        return "{" in first and re.fullmatch("".join(f"(?:{part})" for part in parts), PREFIX.strip("/")) is not None

    def _repeated(self) -> Iterator[Inconsistency]:
        """Yield the routes that can never be reached, as an earlier one has the same path, body and no conditions."""
        taken: dict[tuple[str, str, tuple[str, ...]], int] = {}
        for i, route in enumerate(self.routes):
            shape = tuple(_shape(segment) for segment in route.segments)
            unconditional = route.when == When() and all(
                not each.selects and (each.variable is not None or each.default is not None)
                for each in route.variables.values()
            )
            for method in route.methods:
                earlier = taken.get((method, route.body, shape))
                if earlier is not None:
                    yield Inconsistency(
                        ("routes", i),
                        f"{method} {route.path} is taken by routes[{earlier}], {self.routes[earlier].name!r}",
                        "put it before that one, or give that one a condition",
                    )
                elif unconditional:
                    taken[method, route.body, shape] = i


def _strangers(place: tuple[str, ...], variable: Variable, known: Container[str]) -> Iterator[Inconsistency]:
    for other in (variable.variable, variable.same_as):
        if other is not None and other not in known:
            yield Inconsistency(place, f"{other} is no variable of the path, nor one before", "correct the name")


def _shape(segment: str) -> str:
    if not segment.startswith("{"):
        return segment
    return "{...}" if segment.endswith("...}") else "{}"
