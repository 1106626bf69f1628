"""A verdict in plain words, for the person who runs the building: who, what, whom, what was expected, how far off.

Names come from the network: whatever cannot be printed is shown escaped, and what is long is cut.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.access import Access, Operation
from models.score import Score
from policy.features import FEATURES, a_kind
from policy.printable import printable
from policy.verdict import Action, Mode, Sender, Verdict

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
    Operation.INVOKE: "invoked {node}",
    Operation.CREATE: "created {node}",
    Operation.DELETE: "deleted {node}",
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
    Operation.INVOKE: "wanted to invoke {node}",
    Operation.CREATE: "wanted to create {node}",
    Operation.DELETE: "wanted to delete {node}",
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
    who = _service(call.sender)
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
    owner = "its own" if access.own else a_kind(access.destination_type)
    data = f"{a_kind(access.data_type)} of " if access.data_type is not None else "of "
    if access.operation is Operation.REGISTER:
        data, owner = "", a_kind(access.destination_type)
    text = f"{node} ({data}{owner})"
    if access.operation is Operation.SET and access.value is not None:
        text += f' to "{printable(access.value)}"'
    return text


def _service(sender: Sender) -> str:
    kind = a_kind(sender.service_type)
    if sender.inferred:
        kind += f", inferred from {printable(sender.inferred)}"
    return f"{printable(sender.address)} ({kind})"


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
        words = FEATURES.get(score.deciding)
        why = _other(score) if words is None else words.reason(verdict.call.accesses[verdict.worst], score)
    repeated = f" It is one of {verdict.repeats} refused calls, which are too many." if verdict.repeats else ""
    return f"{why} ({figures}).{repeated}"


def _other(score: Score) -> str:
    return f"What is unusual is the {printable(score.deciding)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
