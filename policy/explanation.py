"""A verdict in plain words, for the person who runs the building: who, what, whom, what was expected, how far off.

Names come from the network: whatever cannot be printed is shown escaped, and what is long is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.access import Access, Operation
from models.score import Score
from policy.verdict import Action, Mode, Verdict

MAXIMUM_NAME = 96
"""Longest name or value in a sentence, in characters."""

_DID: Mapping[Operation, str] = {
    Operation.GET: "read {node}",
    Operation.SET: "set {node}",
    Operation.SUBSCRIBE: "subscribed to {node}",
    Operation.UNSUBSCRIBE: "unsubscribed from {node}",
    Operation.NOTIFY: "was notified of {node}",
    Operation.LOCK: "began a transaction on {node}",
    Operation.COMMIT: "committed its transaction on {node}",
    Operation.ROLLBACK: "rolled back its transaction on {node}",
    Operation.REGISTER: "registered as {node}",
    Operation.CONNECT: "opened its callback channel at {node}",
    Operation.REGISTER_VIRTUAL: "took over the answers for {node}",
    Operation.UNREGISTER_VIRTUAL: "gave up the answers for {node}",
    Operation.UNREGISTER: "unregistered {node}",
    Operation.GET_STREAM: "read the stream of {node}",
    Operation.SET_STREAM: "sent a stream to {node}",
}
_TRIED: Mapping[Operation, str] = {
    Operation.GET: "wanted to read {node}",
    Operation.SET: "wanted to set {node}",
    Operation.SUBSCRIBE: "wanted to subscribe to {node}",
    Operation.UNSUBSCRIBE: "wanted to unsubscribe from {node}",
    Operation.NOTIFY: "was to be notified of {node}",
    Operation.LOCK: "wanted to begin a transaction on {node}",
    Operation.COMMIT: "wanted to commit its transaction on {node}",
    Operation.ROLLBACK: "wanted to roll back its transaction on {node}",
    Operation.REGISTER: "wanted to register as {node}",
    Operation.CONNECT: "wanted to open its callback channel at {node}",
    Operation.REGISTER_VIRTUAL: "wanted to take over the answers for {node}",
    Operation.UNREGISTER_VIRTUAL: "wanted to give up the answers for {node}",
    Operation.UNREGISTER: "wanted to unregister {node}",
    Operation.GET_STREAM: "wanted to read the stream of {node}",
    Operation.SET_STREAM: "wanted to send a stream to {node}",
}


_BY_RULE = frozenset({"denied-by-rule", "allowed-by-rule"})


def sentence(verdict: Verdict) -> str:
    """Return one or two sentences: what happened, then why."""
    score = verdict.score
    if score is not None:
        return f"{_opening(verdict)}: {_deed(verdict)}. {_judgement(verdict, score)}{_marked(verdict)}"
    if verdict.reason == "quarantined":
        why = "It is in quarantine, where every call is refused until the quarantine expires or is lifted"
    elif verdict.call.refusal is not None:
        why = f"{_capital(printable(verdict.call.refusal.detail, 400)).rstrip('.')}"
    elif verdict.forwarded:
        why = "No model had a say"
    else:
        why = "It was refused before it was scored"
    return f"{_opening(verdict)}: {_deed(verdict)}. {why} ({verdict.reason}).{_marked(verdict)}"


def printable(text: str, length: int = MAXIMUM_NAME) -> str:
    """Return text that cannot move a cursor, hide what follows, or fill a screen."""
    safe = "".join(each if each.isprintable() else _escaped(each) for each in text[: length + 1])
    return safe if len(safe) <= length else f"{safe[: length - 3]}..."


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - as in Python's own notation


def _marked(verdict: Verdict) -> str:
    """Return what is said of a rule that did not decide."""
    if verdict.rule is None or verdict.reason in _BY_RULE:
        return ""
    return f" Rule {printable(verdict.rule)} of the policy matched it."


def _opening(verdict: Verdict) -> str:
    if verdict.rule is not None and verdict.reason == "allowed-by-rule":
        return f"Forwarded, as rule {printable(verdict.rule)} of the policy allows it"
    match verdict.action, verdict.would_be:
        case Action.QUARANTINE, _:
            return "Refused, and the sender put in quarantine"
        case Action.BLOCK, _:
            return "Refused"
        case _, Action.FORWARD:
            return "Forwarded"
        case _, Action.QUARANTINE:
            consequence = "refused, and the sender put in quarantine"
        case _:
            consequence = "refused"
    doing = "learning" if verdict.mode is Mode.LEARN else "only monitoring"
    return f"Forwarded ({doing}; would have been {consequence})"


def _deed(verdict: Verdict) -> str:
    call = verdict.call
    who = _service(call.sender.address, call.sender.service_type)
    verbs = _DID if verdict.forwarded else _TRIED
    if not call.accesses:
        request = printable(call.request) or "a call that could not be decoded"
        return f"{who} sent {request}"
    access = call.accesses[max(verdict.worst, 0)]
    deed = f"{who} {verbs[access.operation].format(node=_object(access))}"
    others = len(call.accesses) - 1
    if others:
        deed += f" (the {_which(verdict)} of {others + 1} accesses of one call)"
    return deed


def _which(verdict: Verdict) -> str:
    score = verdict.score
    if score is None:
        return "first"
    # A rule may excuse another one, or its thresholds be higher.
    return "most unusual" if score.av >= max(each.av for each in verdict.scores) else "one that decides"


def _object(access: Access) -> str:
    node = printable(access.node)
    owner = "its own" if access.own else _kind(access.destination_type)
    data = f"{_kind(access.data_type)} of " if access.data_type is not None else "of "
    if access.operation is Operation.REGISTER:
        data, owner = "", _kind(access.destination_type)
    text = f"{node} ({data}{owner})"
    if access.operation is Operation.SET and access.value is not None:
        text += f' to "{printable(access.value)}"'
    return text


def _service(address: str, service_type: str | None) -> str:
    return f"{printable(address)} ({_kind(service_type)})"


def _kind(name: str | None) -> str:
    return "an unknown type" if name is None else f"a {printable(name)}"


def _judgement(verdict: Verdict, score: Score) -> str:
    threshold = verdict.threshold or 0.0
    limit = "quarantines" if verdict.would_be is Action.QUARANTINE and not verdict.repeats else "blocks"
    figures = f"AV {score.av:.1f}, {limit} from {threshold:g}"
    if score.model_version == "none":
        why = "Nothing is known yet of services of this type"
    elif verdict.would_be is Action.FORWARD and score.som < 1 and max(score.sor, score.soa) >= threshold:
        why = "That is new, but services of this type have not been observed long enough to judge"
    elif verdict.would_be is Action.FORWARD and not verdict.alert and score.av < threshold / 2:
        why = "That is usual for services of this type"
    else:
        why = _REASONS.get(score.deciding, _other)(verdict.call.accesses[verdict.worst], score)
    repeated = f" It is one of {verdict.repeats} refused calls, which are too many." if verdict.repeats else ""
    return f"{why} ({figures}).{repeated}"


def _relationship(_access: Access, score: Score) -> str:
    observed = score.terms.get("model_weight")
    seen = score.terms.get("relationship_weight")
    if observed is None or seen is None:
        return "Services of this type are hardly ever seen doing that"
    if not seen:
        return f"Services of this type were never seen doing that in {observed:.0f} minutes of observation"
    return f"Services of this type were seen doing that in only {seen:.0f} of {observed:.0f} minutes of observation"


def _location(access: Access, score: Score) -> str:
    here, there = (
        printable(each or "an unknown place") for each in (access.source_location, access.destination_location)
    )
    same = access.source_location == access.destination_location
    text = f"Both are in {here}" if same else f"It is in {here}, its partner in {there}"
    instances = score.terms.get("location_instances")
    seen = score.terms.get("location_seen")
    if instances is None or seen is None:
        return text
    others = f"only {seen:.0f}" if seen else "none"
    rooms = "the same room" if same else "another room"
    return f"{text}; of the {instances:.0f} services of this type that do that, {others} has a partner in {rooms}"


def _rate(_access: Access, score: Score) -> str:
    terms = score.terms
    speed, span = (
        ("fast", "10 seconds") if terms.get("rate_fast", 0.0) >= terms.get("rate_slow", 0.0) else ("slow", "a minute")
    )
    count = terms.get(f"count_{speed}")
    normal = terms.get(f"normal_{speed}")
    if count is None or normal is None:
        return "It does that far more often than services of this type do"
    return f"It did that about {count:.0f} times within {span}; services of this type do it about {normal:.2g} times"


def _period(_access: Access, _score: Score) -> str:
    return "It came between the times at which this service regularly does that"


def _value(_access: Access, score: Score) -> str:
    written, low, high = (score.terms.get(f"value_{name}") for name in ("written", "low", "high"))
    if written is None or low is None or high is None:
        return "The number is out of the range of what services of this type write there"
    return f"It writes {written:g}; services of this type write {low:g} to {high:g} there"


def _text(_access: Access, _score: Score) -> str:
    return "Services of this type write few different values there, and never one like that"


def _partner(access: Access, score: Score) -> str:
    settled = score.terms.get("partner_settled", 0.0)
    kind = _kind(access.destination_type).removeprefix("a ")
    those = "the one" if settled == 1 else f"the {settled:.0f}"
    return f"It keeps to {those} {kind} that it works with; services of this type hardly ever turn to another one"


def _sequence(_access: Access, _score: Score) -> str:
    return "Services of this type do something else right before that, and it did not"


def _registration(_access: Access, _score: Score) -> str:
    return "It never registered here, as the other services do before they act"


def _same_location(access: Access, _score: Score) -> str:
    together = access.source_location == access.destination_location
    here, there = ("the same room", "other rooms") if together else ("another room", "the same room")
    return f"Its partner is in {here}; services of this type have theirs in {there}, as far as was observed"


def _partners(_access: Access, score: Score) -> str:
    seen = score.terms.get("partners_seen", 0.0)
    return f"It addressed {seen:.0f} services of that type within a minute, more than services of its own type do"


def _interval(_access: Access, score: Score) -> str:
    gap = score.terms.get("gap", 0.0) / 1000
    return f"It did that {gap:.3g} seconds after the last time, which is none of the intervals of services of this type"


def _operation(_access: Access, _score: Score) -> str:
    return "Services of this type hardly ever do that with services of that type, though they do other things with them"


def _data_type(access: Access, _score: Score) -> str:
    return f"Services of this type hardly ever exchange {_kind(access.data_type)} with services of that type"


def _group(_access: Access, _score: Score) -> str:
    return "The intervals at which it does that are, taken together, not those of services of this type"


def _other(_access: Access, score: Score) -> str:
    return f"What is unusual is the {printable(score.deciding)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_REASONS: Mapping[str, Callable[[Access, Score], str]] = {
    "relationship": _relationship,
    "location": _location,
    "rate": _rate,
    "value": _value,
    "text": _text,
    "partner": _partner,
    "sequence": _sequence,
    "registration": _registration,
    # Features of the paper's scoring, which has names of its own where it means something else.
    "same_location": _same_location,
    "partners": _partners,
    "interval": _interval,
    "operation": _operation,
    "data_type": _data_type,
    "group": _group,
    "period": _period,
}
