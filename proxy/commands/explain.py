"""`alleyes explain`: why a call was judged as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from policy.account import Account, Feature, account
from policy.deciding_lines import PolicyLine, deciding_lines
from policy.loading import DocumentError
from policy.printable import printable
from policy.verdict import Verdict
from proxy.audit.event import verdict_of
from proxy.commands.audit_log import UNREADABLE, end, form, found, location, log_directory, shown
from proxy.commands.options import DEFAULT_CONFIG, configuration
from proxy.policy_file import load_policy

_LONGEST_BAR = 20
_HIGHEST_AV = 100.0


@click.command("explain")
@click.argument("identifier", metavar="ID")
@form
@location
def command(*, identifier: str, directory: Path | None, config: Path | None, output: str) -> None:
    """Tell why a call was judged as it was: expected, seen, every feature's share, the model, the policy's lines.

    ID is that of the verdict, as the refused caller has it in `alleyes-reference`; it may be cut short.
    """
    record = found(log_directory(directory, config), identifier)
    try:
        verdict = verdict_of(record.data)
        told = account(verdict)
    except (ValueError, IndexError):
        end(f"{printable(identifier)} is no verdict that can be explained; see `alleyes audit show`", UNREADABLE)
    rule = record.data.get("rule")
    lines, note = _policy(verdict, rule if isinstance(rule, str) else None, directory, config)
    if output == "json":
        click.echo(
            msgspec.json.encode(
                {
                    "id": verdict.id,
                    "action": verdict.action,
                    "would_be": verdict.would_be,
                    "mode": verdict.mode,
                    "reason": verdict.reason,
                    **msgspec.to_builtins(told),
                    "policy": {"revision": verdict.policy_revision, "lines": lines, "note": note},
                }
            )
        )
    else:
        for line in _page(verdict, told, lines, note):
            click.echo(line)


def _policy(
    verdict: Verdict, rule: str | None, directory: Path | None, config: Path | None
) -> tuple[list[PolicyLine], str | None]:
    """Return the policy's lines that decided, or why they cannot be told."""
    if directory is not None or (config is None and not DEFAULT_CONFIG.exists()):
        return [], "give --config to see the lines of the policy"
    path = configuration(config or DEFAULT_CONFIG).policy
    try:
        loaded = load_policy(path)
        if loaded.revision != verdict.policy_revision:
            return [], f"{path} has changed since"
        return deciding_lines(loaded.text, loaded.document, verdict, rule=rule), None
    except DocumentError as error:
        return [], str(error.problems[0])


def _page(verdict: Verdict, told: Account, lines: list[PolicyLine], note: str | None) -> Iterator[str]:
    yield told.sentence
    yield ""
    sender = verdict.call.sender
    yield f"sender    {shown(sender.address)} at {shown(sender.ip)}, established by {sender.strength}"
    if sender.inferred:
        yield f"type      {shown(sender.service_type)}, inferred from {shown(sender.inferred)}; nobody confirmed it"
    if verdict.call.request:
        yield f"request   {shown(verdict.call.request)}"
    if (model := told.model) is not None:
        weight = "" if model.weight is None else f", {model.weight:.0f} minutes of observation"
        name = f"{shown(model.service_type)}, version {shown(model.version)}"
        yield f"model     {name}{weight}; trusted {model.support:.0%}"
    if told.av is not None and told.threshold is not None:
        yield f"AV        {told.av:.1f}; the threshold is {told.threshold:g}"
    yield f"policy    revision {shown(verdict.policy_revision)}, {verdict.mode} mode{f'; {note}' if note else ''}"
    for line in lines:
        where = "by default" if line.line is None else f"line {line.line}"
        yield f"          {where}: {shown(line.key)}: {shown(line.value)}"
    if told.features:
        yield ""
        yield "share in AV: what each feature would have made by itself; the largest counts"
        for feature in told.features:
            yield from _feature(feature)


def _feature(feature: Feature) -> Iterator[str]:
    bar = "#" * round(_LONGEST_BAR * min(feature.share, _HIGHEST_AV) / _HIGHEST_AV)
    mark = "decides" if feature.decides else ""
    yield f"  {feature.name:<13} {feature.share:6.1f}  {bar:<{_LONGEST_BAR}} {mark}".rstrip()
    if feature.share > 0 or feature.decides:
        for label, text in (("expected", feature.expected), ("seen", feature.seen)):
            if text is not None:
                yield f"      {label:<9} {text}"
