"""The decoder of a middleware with a REST interface, by its mapping."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import msgspec

from models.access import Operation
from policy.verdict import Refusal, Sender
from proxy.decoders.base import Agency, Answer, Decoded, Outbound, Request
from proxy.decoders.refusals import unsupported
from proxy.decoders.rest import body as bodies
from proxy.decoders.rest import target as targets
from proxy.decoders.rest import unmatched
from proxy.decoders.rest.accesses import AccessMaker, Step
from proxy.decoders.rest.bad_request import BadRequest, unclear
from proxy.decoders.rest.body import NOTHING, Body
from proxy.decoders.rest.errors import ErrorForms
from proxy.decoders.rest.folding import folded
from proxy.decoders.rest.headers import FieldRules, Fields
from proxy.decoders.rest.mapping import BodyKind, MappingDocument
from proxy.decoders.rest.outline import outline
from proxy.decoders.rest.redaction import redacted, spellings, without_secrets
from proxy.decoders.rest.routes import CompiledRoute, Malformed, Matched, Routes
from proxy.decoders.rest.target import Target
from proxy.decoders.rest.template import escaped
from proxy.registry import SiteRegistry

_REMEMBERED = 512
"""Requests, targets and sets of header fields whose reading is remembered: services ask for the same again."""
_LARGEST_REMEMBERED = 512
"""Bytes of the largest target, and body, of a request of which it is remembered what it means."""
_HIDDEN = unmatched.HIDDEN
_VALUE = "<value>"
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
    carried: Mapping[int, str]
    """Credentials, by their number in the mapping."""
    taken: frozenset[int]
    """Which credentials the candidates may carry; all where there is none."""
    hidden: str
    """The canonical target without credentials, and without values that are private or that no route knows."""
    place: str
    """Its path as segments of an address, without credentials."""
    secrets: tuple[str, ...]
    """How its credentials may be written."""


class _Understood(msgspec.Struct, frozen=True):
    """What a request means, whoever makes it."""

    steps: tuple[Step, ...]
    refusal: Refusal | None
    outbound: Outbound
    route: str | None = None
    lasting: bool = False
    words: str = ""
    """The request in words, where `RestDecoder.in_words` would tell its credential."""


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
        self._secret_parameters = _secret_parameters(mapping)
        self._path_tokens = frozenset(i for i, token in enumerate(mapping.tokens) if token.path is not None)
        self._identifying = frozenset(i for i, token in enumerate(mapping.tokens) if token.identifies)
        self._all_tokens = frozenset(range(len(mapping.tokens)))
        self._errors = ErrorForms(mapping)
        self._maker = AccessMaker(mapping, agent, registry, most_accesses)
        self._fields = lru_cache(_REMEMBERED)(FieldRules(mapping).read)
        self._read = lru_cache(_REMEMBERED)(self._read_target)
        self._remembered = lru_cache(_REMEMBERED)(self._understand)

    def _read_target(self, method: str, text: str) -> _Read:
        case = self._mapping.case
        target = targets.parse(text, fold_path=case.path == "insensitive", fold_query=case.query == "insensitive")
        candidates = self._routes.candidates(method, target.segments)
        taken = self._all_tokens
        if candidates:
            taken = frozenset().union(*(each.tokens for each in candidates))
        secret = self._secret_places(target.segments, candidates)
        carried = {token: target.segments[i] for i, token in secret.items()}
        carried |= {i: target.query[name] for name, i in self._secret_parameters.items() if name in target.query}
        segments = self._told_segments(target.segments, candidates, secret)
        query = self._told_query(target.query, candidates)
        hidden = target.canonical
        if segments != target.segments or query != target.query:
            hidden = targets.write(segments, query).replace("%3Ctoken%3E", _HIDDEN).replace("%3Cvalue%3E", _VALUE)
        secrets = spellings(carried.values())
        hidden = redacted(hidden, secrets)
        place = redacted("/".join([escaped(each) for each in segments if each]), secrets)
        return _Read(target, candidates, carried, taken, hidden, place, secrets)

    def _told_segments(
        self, segments: tuple[str, ...], candidates: tuple[CompiledRoute, ...], secret: Mapping[int, int]
    ) -> tuple[str, ...]:
        """Return the segments of a path as they may be written down.

        A path of which nothing is known may hold a credential of which nothing is known.
        """
        if not candidates:
            return tuple([_HIDDEN if i in secret or unmatched.looks_secret(e) else e for i, e in enumerate(segments)])
        private = frozenset().union(*(each.private_segments for each in candidates))
        end = min((each.private_from for each in candidates), default=len(segments))
        return tuple(
            [
                _HIDDEN if i in secret else _VALUE if i in private or i >= end else each
                for i, each in enumerate(segments)
            ]
        )

    def _told_query(self, query: Mapping[str, str], candidates: tuple[CompiledRoute, ...]) -> Mapping[str, str]:
        """Return the parameters as they may be written down: of what no route knows, nobody knows if it is a secret."""
        if not query:
            return query
        known = frozenset().union(*(each.parameters for each in candidates))
        private = frozenset().union(*(each.private_parameters for each in candidates))
        told = known - private - self._secret_parameters.keys()
        return {
            name: value if name in told or not value else _HIDDEN if name in self._secret_parameters else _VALUE
            for name, value in query.items()
        }

    def _secret_places(self, segments: tuple[str, ...], candidates: tuple[CompiledRoute, ...]) -> dict[int, int]:
        """Return which segments of a path are a credential, and which, whatever else decides on its route."""
        if not self._prefixes or (candidates and not any(each.secrets for each in candidates)):
            return {}
        return {
            len(prefix): token
            for prefix, token in self._prefixes.items()
            if len(prefix) < len(segments)
            and segments[len(prefix)]
            # In whatever case: what the device does not know by this name was meant for it all the same.
            and all(want is None or folded(want) == folded(got) for want, got in zip(prefix, segments, strict=False))
        }

    def credential(self, request: Request) -> str | None:
        """Return the API token of a request (see `proxy.decoders.base.Decoder`)."""
        if not self._mapping.tokens:
            return None
        try:
            read = self._read(request.method, request.target)
            carried = [*self._fields(request.headers).carried.items(), *read.carried.items()]
        except BadRequest:
            return None
        identifying = self._identifying & read.taken
        found = {credential for i, credential in carried if i in identifying}
        return found.pop() if len(found) == 1 else None

    def in_words(self, line: str) -> str:
        """Return the line of a request without credentials (see `proxy.decoders.base.Decoder`)."""
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
        return Decoded(accesses, understood.outbound, refusal, lasting=understood.lasting, request=understood.words)

    def _understand(self, request: Request) -> _Understood:
        """Return what a request means, whoever makes it.

        Raises:
            BadRequest: it could mean two things, in every mode.
        """
        fields = self._fields(request.headers)
        if request.method not in _USUALLY:
            raise unclear("method-not-allowed", f"the method {request.method[:16]!r} is not spoken here")
        read = self._read(request.method, request.target)
        if len(fields.carried.keys() & read.taken) + len(read.carried.keys() - self._path_tokens & read.taken) > 1:
            raise unclear("ambiguous-headers", "the call carries several credentials")
        if request.body and request.method in {"GET", "HEAD"}:
            raise unclear("ambiguous-body", "a get carries a body")
        understood = self._meant(request, fields, read)
        secrets = read.secrets
        if fields.carried or fields.secrets:
            secrets = spellings([*fields.carried.values(), *read.carried.values(), *fields.secrets])
        return self._told(understood, request, read, secrets) if secrets else understood

    def _meant(self, request: Request, fields: Fields, read: _Read) -> _Understood:
        matched, body, unread = self._matched(request, fields, read)
        if matched is not None:
            plan = self._maker.plan(matched, read.target, body)
            unread = plan.missing
            if plan.steps:
                steps = plan.steps
                stranger = self._stranger(matched.route, fields, read, body)
                if stranger is not None:
                    # An access of its own: a rule that allows what else the call does does not allow this.
                    steps = (*steps, self._maker.unknown(steps[0].operation, read.place))
                # What no rule lifts comes first, so that lifting another one does not lift it too.
                refusal = plan.out_of_range or stranger or plan.too_many
                outbound = self._outbound(request, fields, read, body, understood=refusal is None)
                route = matched.route.route
                return _Understood(steps, refusal, outbound, route.name, lasting=route.lasting)
        elif request.body:
            body = Body(None, request.body, fields.by_name.get("content-type"))
        learning = self._mapping.learning
        holds = outline(request.body, fields.content_type) if learning and request.body else ()
        words = unmatched.in_words(request.method, read.hidden, fields.content_type, fields.noted, holds)
        refusal = unread or unsupported("unknown-node", f"no route of the mapping is that of {words[:256]}")
        step = self._maker.unknown(_USUALLY[request.method], read.place)
        outbound = self._outbound(request, fields, read, body, understood=False)
        return _Understood((step,), refusal, outbound, lasting=learning and fields.wants_events, words=words)

    def _told(self, meant: _Understood, request: Request, read: _Read, secrets: tuple[str, ...]) -> _Understood:
        """Return what a request means without its credential, wherever else in the request that stood."""
        usual = f"{request.method} {read.hidden}"
        told = redacted(meant.words or usual, secrets)
        refusal = meant.refusal
        steps = tuple([without_secrets(step, secrets) for step in meant.steps])
        if any(
            step.destination != meant.steps[i].destination or step.node != meant.steps[i].node
            for i, step in enumerate(steps)
        ):
            # An address that cannot be told is nobody's.
            steps = (self._maker.unknown(_USUALLY[request.method], redacted(read.place, secrets)),)
            refusal = refusal or unsupported("unknown-node", "the call's credential is part of an address")
        if refusal is not None:
            refusal = msgspec.structs.replace(refusal, detail=redacted(refusal.detail, secrets))
        return msgspec.structs.replace(meant, steps=steps, refusal=refusal, words="" if told == usual else told)

    def _matched(self, request: Request, fields: Fields, read: _Read) -> tuple[Matched | None, Body, Refusal | None]:
        """Return the first route that matches, with its body; else why there is none, where that is known.

        Raises:
            BadRequest: a body is not what it is declared, or a variable has several spellings.
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
            if isinstance(matched, Malformed):
                detail = f"{candidate.route.name!r} wants another {matched.variable}"
                return None, NOTHING, unsupported("unknown-node", detail)
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

    def _stranger(self, compiled: CompiledRoute, fields: Fields, read: _Read, body: Body) -> Refusal | None:
        """Return the refusal of a request that holds something which its route does not have."""
        name = compiled.route.name
        if fields.stranger or not fields.carried.keys() <= compiled.tokens | fields.harmless:
            return unsupported("unknown-node", f"{name!r} takes no credential in that header field or cookie")
        for parameter in read.target.query:
            if parameter not in compiled.parameters and self._secret_parameters.get(parameter) not in compiled.tokens:
                return unsupported("unknown-node", f"{name!r} has no parameter {parameter[:64]}")
        for parameter, meets in compiled.allowed_parameters:
            value = read.target.query.get(parameter)
            if value is not None and not meets(value):
                return unsupported("unknown-node", f"{name!r} does not have this value of {parameter}")
        if body is NOTHING or not compiled.looks_at_bodies:
            return None
        pointer = compiled.coverage.stranger(body.data)
        if pointer is not None:
            return unsupported("unknown-node", f"{name!r} has no member {pointer} in its body")
        for tokens, meets in compiled.allowed_members:
            found = body.at(tokens)
            if found is not bodies.ABSENT and not meets(found):
                return unsupported("unknown-node", f"{name!r} does not have this member: /{'/'.join(tokens)}")
        return None

    def _outbound(self, request: Request, fields: Fields, read: _Read, body: Body, *, understood: bool) -> Outbound:
        """Return the request to send on: our own header fields, and harmless ones and credentials of the sender's."""
        headers = [("host", self._authority), *(fields.passed_on if understood else fields.everything)]
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


def _secret_parameters(mapping: MappingDocument) -> dict[str, int]:
    """Return the parameters that are credentials, with the number of each in the mapping."""
    fold = mapping.case.query == "insensitive"
    return {
        folded(token.query) if fold else token.query: i
        for i, token in enumerate(mapping.tokens)
        if token.query is not None
    }
