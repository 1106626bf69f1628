"""Everything that is read and looked at before anything is changed: configuration, certificates, this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from policy.document import Scoring
from policy.loading import DocumentError, load_document
from proxy import certificates, preflight, stored_state, tls
from proxy.clocks import real_now
from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.firewall.plan import Plan, PlanError
from proxy.inventory.consistency import indistinguishable
from proxy.mappings import each_once, find_mappings, sources
from proxy.plan import firewall_plan
from proxy.policy_file import LoadedPolicy, load_policy
from proxy.revocation import RevocationsInForce
from proxy.revocation_lists import RevocationListError, RevocationLists, own_certificate_problems, read_lists
from proxy.storage.mappings_store import MappingsStore
from proxy.storage.policy_store import PolicyStore


class StartRefused(Exception):
    """The gateway cannot start; `problems` has one line for each reason, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Inputs:
    """Everything that was read."""

    document: GatewayDocument
    policy: LoadedPolicy
    inventory: InventoryDocument
    plan: Plan
    """What the kernel is to enforce."""
    revocations: RevocationLists
    """Certificates that are good no more."""
    mappings: Mapping[str, bytes] = field(default_factory=dict)
    """By agent what calls mean to an access point that is no Knowledge Agent, as workers get it."""
    mapping_problems: tuple[str, ...] = ()
    """What is wrong with files of mappings, one line each, where the last good ones are in their place."""


def read_inputs(document: GatewayDocument, *, last_good: bool = False) -> Inputs:
    """Read and check policy, inventory, certificates and mappings.

    Args:
        document: `gateway.yaml`.
        last_good: Whether the last policy and mappings that were in force take the place of those that are broken.

    Raises:
        StartRefused: with every problem found.
    """
    problems: list[str] = []
    policy: LoadedPolicy | None = None
    inventory: InventoryDocument | None = None
    try:
        policy = load_policy(document.policy)
    except DocumentError as error:
        found = tuple(str(problem) for problem in error.problems)
        kept = PolicyStore(document.state_directory).load() if last_good else None
        if kept is None:
            problems += found
        else:
            policy = replace(kept, instead_of=found)
    try:
        inventory = load_document(document.inventory, InventoryDocument)
    except DocumentError as error:
        problems += [str(problem) for problem in error.problems]
    if inventory is not None:
        problems += [f"{document.inventory}: {line}" for line in indistinguishable(document, inventory)]
    problems += _certificate_problems(document)
    mappings, unusable, replaced = _read_mappings(document, last_good=last_good)
    problems += unusable
    revocations = RevocationLists()
    try:
        revocations = _read_revocations(document)
    except RevocationListError as error:
        problems += error.problems
    problems += _paper_problems(document, policy)
    plan: Plan | None = None
    # The files' own checks leave nothing to object to, and say it better; this is for what they do not know of.
    place = "gateway.yaml"
    try:
        firewall_plan(document, InventoryDocument())
        place = str(document.inventory)
        plan = firewall_plan(document, inventory or InventoryDocument())
    except PlanError as error:
        problems.append(f"{place}: {error} -- correct it; the firewall cannot have it in a rule")
    if problems or policy is None or inventory is None or plan is None:
        raise StartRefused(problems)
    return Inputs(
        document=document,
        policy=policy,
        inventory=inventory,
        plan=plan,
        revocations=revocations,
        mappings=mappings,
        mapping_problems=replaced,
    )


def _read_mappings(
    document: GatewayDocument, *, last_good: bool
) -> tuple[Mapping[str, bytes], list[str], tuple[str, ...]]:
    """Return the mappings, what is wrong with files that nothing stands in for, and with those of the others."""
    found = find_mappings(document)
    usable = dict(found.usable)
    kept = MappingsStore(document.state_directory)
    where = sources(document) if last_good else {}
    for agent in found.problems:
        mapping = kept.load(agent, where[agent]) if agent in where else None
        if mapping is not None:
            usable[agent] = mapping
    missing = {agent: lines for agent, lines in found.problems.items() if agent not in usable}
    replaced = {agent: lines for agent, lines in found.problems.items() if agent in usable}
    return usable, each_once(missing), tuple(each_once(replaced))


def _paper_problems(document: GatewayDocument, policy: LoadedPolicy | None) -> Iterator[str]:
    if policy is None or policy.document.scoring is not Scoring.PAPER:
        return
    if document.workers > 1:
        yield (
            f"{document.policy}: scoring: paper is for one worker, and gateway.yaml has {document.workers}"
            " -- write `workers: 1` there, or `scoring: alleyes` here"
        )
    if document.federation is not None:
        yield (
            f"{document.policy}: scoring: paper has models of one node alone, and gateway.yaml has `federation`"
            " -- remove that section, or write `scoring: alleyes` here"
        )


def _certificate_problems(document: GatewayDocument) -> list[str]:
    if document.tls is None:
        return []
    found = certificates.problems(document.tls, datetime.fromtimestamp(real_now(), UTC))
    if not found:
        try:
            tls.contexts(document, RevocationsInForce())
        except tls.TlsFilesError as error:
            return [str(error)]
    return found


def _read_revocations(document: GatewayDocument) -> RevocationLists:
    if document.tls is None or not document.tls.crl:
        return RevocationLists()
    lists = read_lists(document.tls)
    if problems := own_certificate_problems(document.tls, lists.revocations):
        raise RevocationListError(problems)
    return lists


def prepare(document: GatewayDocument) -> Inputs:
    """Read everything and look at this machine; nothing is changed.

    Raises:
        StartRefused: with every problem of files, machine and stored state.
    """
    problems: list[str] = []
    scoring = Scoring.ALLEYES
    try:
        inputs = read_inputs(document, last_good=True)
        scoring = inputs.policy.document.scoring
    except StartRefused as refused:
        problems += refused.problems
    problems += machine_problems(document)
    if problems:
        # Without one of those the state is read when it is opened.
        raise StartRefused(problems + stored_state.look(document.state_directory, scoring).problems)
    return inputs


def machine_problems(document: GatewayDocument, *, ports: bool = True) -> list[str]:
    """Return what of this machine keeps the gateway from starting, one line each, with the remedy.

    Args:
        document: `gateway.yaml`; no other file is needed, so that a mistake there does not hide what is wrong here.
        ports: whether the ports must be free; they are not while the gateway runs.
    """
    try:
        plan = firewall_plan(document, InventoryDocument())
    except PlanError:
        return []
    return preflight.check(plan, ports=ports)
