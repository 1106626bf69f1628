"""`alleyes policy`: what a policy says, before it is in force; and how it comes into force."""

from __future__ import annotations

from pathlib import Path

import click

from policy.comparison import differences
from policy.doubts import doubts
from policy.loading import DocumentError, load_document, remark
from policy.rehearsal import Difference, rehearse
from policy.scenario import Scenario
from proxy.clocks import real_now
from proxy.commands.options import config_option, refuse
from proxy.commands.policy_import import import_
from proxy.commands.running_gateway import ask
from proxy.policy_file import LoadedPolicy, load_policy

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("policy")
def policy() -> None:
    """Check, compare and try out policies, and put them in force."""


policy.add_command(import_)


@policy.command("check")
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Name every mistake of FILE with its line and remedy (exit code 2), and warn of what is hardly meant."""
    loaded = _loaded(file)
    for each in doubts(loaded.document, real_now()):
        problem = remark(loaded.text, file, each)
        click.echo(f"alleyes: warning: {problem}", err=True)
    rules = len(loaded.document.rules)
    click.echo(
        f"alleyes: {file} is fine: policy {loaded.revision}, {loaded.document.mode},"
        f" {rules} rule{'' if rules == 1 else 's'}"
    )


@policy.command("diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def diff(old: Path, new: Path) -> None:
    """Tell in plain words what changes from OLD to NEW."""
    lines = differences(_loaded(old).document, _loaded(new).document)
    click.echo("\n".join(lines) if lines else "nothing changes")


@policy.command("test")
@click.option("--policy", "given", type=_FILE, help="Judge by this policy instead of those of the scenarios.")
@click.argument("scenarios", type=_FILE, nargs=-1, required=True)
def test(given: Path | None, scenarios: tuple[Path, ...]) -> None:
    """Play SCENARIOS through the judge; exit code 1 where a verdict is not the expected one."""
    instead = None if given is None else _loaded(given)
    failed = False
    for path in scenarios:
        try:
            scenario = load_document(path, Scenario)
        except DocumentError as error:
            refuse(str(problem) for problem in error.problems)
        different = rehearse(scenario) if instead is None else rehearse(scenario, instead.document, instead.revision)
        failed = failed or bool(different)
        click.echo(f"{'FAILED' if different else 'ok'} {path}: {scenario.description}")
        click.echo("".join(_told(each) for each in different), nl=False)
    if failed:
        raise SystemExit(1)


@policy.command("reload")
@config_option
def reload_(config: Path) -> None:
    """Have the running gateway read its policy again; a broken file changes nothing, and says why."""
    state = ask(config, lambda gateway: gateway.reload_policy())
    click.echo(f"alleyes: policy {state.revision} is in force, {state.mode} mode")


def _told(different: Difference) -> str:
    fields = "".join(f"    {name}: expected {expected}, got {got}\n" for name, expected, got in different.fields)
    return f"  step {different.step}, {different.deed}:\n{fields}    {different.sentence}\n"


def _loaded(file: Path) -> LoadedPolicy:
    try:
        return load_policy(file)
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)
