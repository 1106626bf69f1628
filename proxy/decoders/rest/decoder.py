"""The decoder of a middleware with a REST interface, by its mapping."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import msgspec

from models.access import Operation
from policy.verdict import Refusal, Sender
from proxy.decoders.base import Agency, Answer, Decoded, Outbound, Request
from proxy.decoders.refusals import unsupported
from proxy.decoders.rest import body as bodies
from proxy.decoders.rest import target as targets
from proxy.decoders.rest.accesses import AccessMaker, Step
from proxy.decoders.rest.bad_request import BadRequest, unclear
from proxy.decoders.rest.body import NOTHING, Body
from proxy.decoders.rest.errors import ErrorForms
from proxy.decoders.rest.headers import FieldRules, Fields
from proxy.decoders.rest.mapping import BodyKind, MappingDocument
from proxy.decoders.rest.routes import CompiledRoute, Matched, Routes
from proxy.decoders.rest.target import Target
from proxy.decoders.rest.template import escaped
from proxy.registry import SiteRegistry

_REMEMBERED = 512
"""Requests, targets and sets of header fields whose reading is remembered: services ask for the same again."""
_LARGEST_REMEMBERED = 512
"""Bytes of the largest target, and body, of a request of which it is remembered what it means."""
_HIDDEN = "<token>"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_USUALLY = {
    "GET": Operation.GET,
    "HEAD": Operation.GET,
    "PUT": Operation.SET,
    "PATCH": Operation.SET,
    "POST": Operation.INVOKE,
    "DELETE": Operation.DELETE,
}
"""What a method means where the mapping says nothing; all methods that are spoken."""


class _Read(msgspec.Struct, frozen=True):
    """A target, and all that follows from it alone."""

    target: Target
    candidates: tuple[CompiledRoute, ...]
    credentials: tuple[str, ...]
    hidden: str
    """The canonical target without credentials."""
    place: str
    """Its path as segments of an address, without credentials."""


class _Understood(msgspec.Struct, frozen=True):
    """What a request means, whoever makes it."""

    steps: tuple[Step, ...]
    refusal: Refusal | None
    outbound: Outbound
    route: str | None = None
    lasting: bool = False


class RestDecoder:
    """Decoder for one access point (`proxy.decoders.base.Decoder`)."""

    agency: ClassVar[Agency | None] = None

    def __init__(
        self, mapping: MappingDocument, agent: str, authority: str, registry: SiteRegistry, most_accesses: int
    ) -> None:
        """Compile a mapping.

        Args:
            mapping: The document.
            agent: Name of the access point, the first segment of its addresses.
            authority: Its address and port, for the Host header.
            registry: Where types and locations are looked up.
            most_accesses: Bounds the accesses of one call.
        """
        self._mapping = mapping
        self._authority = authority
        self._routes = Routes(mapping)
        self._prefixes = self._routes.secret_prefixes()
        self._secret_parameters = frozenset(name for name, _ in _secret_parameters(mapping))
        self._identifying = frozenset(name for name, identifies in _secret_parameters(mapping) if identifies)
        self._identifying_paths = any(token.path is not None and token.identifies for token in mapping.tokens)
        self._errors = ErrorForms(mapping)
        self._maker = AccessMaker(mapping, agent, registry, most_accesses)
        self._fields = lru_cache(_REMEMBERED)(FieldRules(mapping).read)
        self._read = lru_cache(_REMEMBERED)(self._read_target)
        self._remembered = lru_cache(_REMEMBERED)(self._understand)

    def _read_target(self, method: str, text: str) -> _Read:
        case = self._mapping.case
        target = targets.parse(text, fold_path=case.path == "insensitive", fold_query=case.query == "insensitive")
        candidates = self._routes.candidates(method, target.segments)
        secret = self._secret_places(target.segments, candidates)
        credentials = [target.segments[i] for i in secret] if self._identifying_paths else []
        credentials += [value for name, value in target.query.items() if name in self._identifying]
        segments = tuple([_HIDDEN if i in secret else each for i, each in enumerate(target.segments)])
        query = {name: _HIDDEN if name in self._secret_parameters else each for name, each in target.query.items()}
        hidden = target.canonical
        if segments != target.segments or query != target.query:
            hidden = targets.write(segments, query).replace("%3Ctoken%3E", _HIDDEN)
        place = "/".join([escaped(each) for each in segments if each])
        return _Read(target, candidates, tuple(credentials), hidden, place)

    def _secret_places(self, segments: tuple[str, ...], candidates: tuple[CompiledRoute, ...]) -> frozenset[int]:
        """Return which segments of a path are a credential, whatever else of the request decides on its route."""
        if not self._prefixes:
            return frozenset()
        if candidates and not any(each.secrets for each in candidates):
            return frozenset()
        found = [
            len(prefix)
            for prefix in self._prefixes
            if len(prefix) < len(segments)
            and segments[len(prefix)]
            and all(want is None or want == got for want, got in zip(prefix, segments, strict=False))
        ]
        return frozenset(found)

    def credential(self, request: Request) -> str | None:
        """Return the API token of a request (see `proxy.decoders.base.Decoder`)."""
        if not self._mapping.tokens:
            return None
        try:
            found = {
                *self._fields(request.headers).credentials,
                *self._read(request.method, request.target).credentials,
            }
        except BadRequest:
            return None
        return found.pop() if len(found) == 1 else None

    def in_words(self, line: str) -> str:
        """Return the line of a request without credentials (see `proxy.decoders.base.Decoder`)."""
        if not self._prefixes and not self._secret_parameters:
            return line
        method, _, target = line.partition(" ")
        try:
            return f"{method} {self._read(method, target).hidden}"
        except BadRequest:
            return f"{method} (a target that cannot be read)"

    def route_of(self, request: Request) -> str | None:
        """Return the name of the route that a request matches; None where there is none, or it cannot be read."""
        try:
            return self._understand(request).route
        except BadRequest:
            return None

    def decode(self, request: Request, sender: Sender, now: int, delegation: str | None) -> Decoded:  # noqa: ARG002 -- nobody's word is taken for who calls
        """Decode a request (see `proxy.decoders.base.Decoder`)."""
        small = len(request.body) <= _LARGEST_REMEMBERED and len(request.target) <= _LARGEST_REMEMBERED
        try:
            understood = self._remembered(request) if small else self._understand(request)
        except BadRequest as bad:
            return Decoded(refusal=bad.refusal)
        accesses = self._maker.accesses(understood.steps, sender, now)
        refusal = understood.refusal
        if refusal is None:
            for access in accesses:
                if access.destination_type is None:
                    detail = f"neither the mapping nor the inventory has a type for {access.destination}"
                    refusal = unsupported("unknown-node", detail)
                    break
        return Decoded(accesses, understood.outbound, refusal, lasting=understood.lasting)

    def _understand(self, request: Request) -> _Understood:
        """Return what a request means, whoever makes it.

        Raises:
            BadRequest: it could mean two things, in every mode.
        """
        fields = self._fields(request.headers)
        if request.method not in _USUALLY:
            raise unclear("method-not-allowed", f"the method {request.method[:16]!r} is not spoken here")
        read = self._read(request.method, request.target)
        if fields.carried + len(self._secret_parameters & read.target.query.keys()) > 1:
            raise unclear("ambiguous-headers", "the call carries several credentials")
        if request.body and request.method in {"GET", "HEAD"}:
            raise unclear("ambiguous-body", "a get carries a body")
        matched, body, unread = self._matched(request, fields, read)
        if matched is not None:
            plan = self._maker.plan(matched, read.target, body)
            if plan.steps:
                steps = plan.steps
                stranger = self._stranger(matched.route, read, body)
                if stranger is not None:
                    # An access of its own: a rule that allows what else the call does does not allow this.
                    steps = (*steps, self._maker.unknown(steps[0].operation, read.place))
                # What no rule lifts comes first, so that lifting another one does not lift it too.
                refusal = plan.out_of_range or stranger or plan.too_many
                outbound = self._outbound(request, fields, read, body)
                route = matched.route.route
                return _Understood(steps, refusal, outbound, route.name, lasting=route.lasting)
        place = f"{request.method} {read.hidden[:256]}"
        refusal = unread or unsupported("unknown-node", f"no route of the mapping is that of {place}")
        step = self._maker.unknown(_USUALLY[request.method], read.place)
        as_it_came = Body(None, request.body, fields.by_name.get("content-type")) if request.body else NOTHING
        return _Understood((step,), refusal, self._outbound(request, fields, read, as_it_came))

    def _matched(self, request: Request, fields: Fields, read: _Read) -> tuple[Matched | None, Body, Refusal | None]:
        """Return the first route that matches, with its body; else why no body could be read, if that is why.

        Raises:
            BadRequest: a body is not what it is declared.
        """
        bodies_of: dict[BodyKind, Body | Refusal] = {}
        refusal: Refusal | None = None
        for candidate in read.candidates:
            kind = candidate.route.body
            if request.body:
                body = bodies_of.get(kind)
                if body is None:
                    body = bodies_of[kind] = self._body(kind, request, fields)
            elif kind in {"none", "opaque"} or candidate.route.optional_body:
                body = NOTHING
            else:
                body = unsupported("unsupported-body", "the call has no body, and the mapping wants one")
            if isinstance(body, Refusal):
                refusal = refusal or body
                continue
            matched = candidate.match(read.target, fields.by_name, body)
            if matched is not None:
                return matched, body, None
        return None, NOTHING, refusal

    def _body(self, kind: BodyKind, request: Request, fields: Fields) -> Body | Refusal:
        try:
            further = self._mapping.content_types.get(kind, ())
            return bodies.read(kind, request.body, fields.content_type, further)
        except BadRequest as bad:
            if bad.refusal.every_mode:
                raise
            return bad.refusal

    def _stranger(self, compiled: CompiledRoute, read: _Read, body: Body) -> Refusal | None:
        """Return the refusal of a request that holds something which its route does not have."""
        name = compiled.route.name
        for parameter in read.target.query:
            if parameter not in compiled.parameters and parameter not in self._secret_parameters:
                return unsupported("unknown-node", f"{name!r} has no parameter {parameter[:64]}")
        for parameter, meets in compiled.allowed_parameters:
            value = read.target.query.get(parameter)
            if value is not None and not meets(value):
                return unsupported("unknown-node", f"{name!r} does not have this parameter: {parameter}={value[:64]}")
        if body is NOTHING or not compiled.looks_at_bodies:
            return None
        pointer = compiled.coverage.stranger(body.data)
        if pointer is not None:
            return unsupported("unknown-node", f"{name!r} has no member {pointer} in its body")
        for tokens, meets in compiled.allowed_members:
            found = body.at(tokens)
            if found is not bodies.ABSENT and not meets(bodies.as_text(found)):
                return unsupported("unknown-node", f"{name!r} does not have this member: /{'/'.join(tokens)}")
        return None

    def _outbound(self, request: Request, fields: Fields, read: _Read, body: Body) -> Outbound:
        """Return the request to send on: our own header fields, and harmless ones and credentials of the sender's."""
        headers = [("host", self._authority), *fields.passed_on]
        if body.canonical or request.method in _WITH_BODY:
            if body.content_type is not None:
                headers.append(("content-type", body.content_type))
            headers.append(("content-length", str(len(body.canonical))))
        return Outbound(request.method, read.target.canonical, tuple(headers), body.canonical)

    def refuse(self, method: str) -> Answer:
        """Return the answer to a call that was refused, in the middleware's form."""
        return self._errors.refused(method)

    def unavailable(self, method: str, message: str) -> Answer:
        """Return the answer to a call that the access point did not answer, in the middleware's form."""
        return self._errors.unavailable(method, message)


def _secret_parameters(mapping: MappingDocument) -> list[tuple[str, bool]]:
    """Return the parameters that are credentials, and whether each names a service."""
    fold = mapping.case.query == "insensitive"
    return [
        (token.query.lower() if fold else token.query, token.identifies)
        for token in mapping.tokens
        if token.query is not None
    ]
