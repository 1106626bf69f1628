"""The policy that all workers judge by, and how another one takes its place: everywhere, or nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from policy.document import Scoring
from policy.loading import DocumentError
from proxy.audit.event import Detail, Kind
from proxy.audit.trail import Notes
from proxy.policy_file import LoadedPolicy, reload_policy
from proxy.processes.documents import written
from proxy.processes.messages import Judge

_SECONDS = 5.0
"""How long a reload waits for the workers to judge by the new policy."""
_POLL = 0.01

log = structlog.get_logger("alleyes")


class Judges(Protocol):
    """The workers, as far as a policy concerns them."""

    def tell_all(self, message: Judge) -> None:
        """Tell all of them."""
        ...

    def serving(self) -> Iterable[int]:
        """Return the numbers of those that serve."""
        ...

    def end(self, number: int) -> None:
        """Kill one; it is started again."""
        ...


@dataclass
class PolicyInForce:
    """For the event loop's thread."""

    file: Path
    policy: LoadedPolicy
    judges: Judges
    notes: Notes
    on_change: Callable[[LoadedPolicy], None]
    """Called with another policy before workers judge by it."""
    problems: list[str] = field(init=False)
    """What is wrong with the file; nothing where the policy in force is that of the file."""
    _scoring: Scoring = field(init=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _judging_by: dict[int, str] = field(default_factory=dict)
    """Revision that each worker began with, or said that it judges by."""

    def __post_init__(self) -> None:
        self._scoring = self.policy.document.scoring
        self.problems = list(self.policy.instead_of)

    def begun(self, number: int) -> None:
        """Note that a worker begins with the policy that is in force."""
        self._judging_by[number] = self.policy.revision

    def confirmed(self, number: int, revision: str) -> None:
        """Note that a worker judges by a policy from now on."""
        self._judging_by[number] = revision

    async def reload(self, by: str = "") -> list[str]:
        """Read the policy again; a broken file changes nothing. One reload after the other.

        Args:
            by: who wants it, if that is known.

        Returns:
            What is wrong with the file, a line for each problem.
        """
        details: dict[str, Detail] = {"by": by} if by else {}
        async with self._one_at_a_time:
            try:
                policy = reload_policy(self.file, self._scoring)
            except DocumentError as error:
                return self._refuse(error, details)
            await self._put_in_force(policy)
            mode = policy.document.mode
            self.notes.note(
                Kind.POLICY_RELOAD,
                f"Policy {policy.revision} is in force, {mode} mode.",
                mode=mode,
                policy_revision=policy.revision,
                **details,
            )
            log.info("policy reloaded", revision=policy.revision, mode=str(mode))
            return []

    def _refuse(self, error: DocumentError, details: dict[str, Detail]) -> list[str]:
        problems = self.problems = [str(problem) for problem in error.problems]
        for problem in problems:
            log.error("policy not reloaded", detail=problem)
        self.notes.note(
            Kind.POLICY_RELOAD,
            "The new policy is broken; the one in force stays.",
            problems=problems,
            policy_revision=self.policy.revision,
            **details,
        )
        return problems

    async def _put_in_force(self, policy: LoadedPolicy) -> None:
        """Let all workers judge by a policy; one that does not say so in time is ended, and begins with it."""
        self.policy = policy
        self.problems = []
        self.on_change(policy)
        self.judges.tell_all(Judge(written(policy.document), policy.revision))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SECONDS
        while missing := [n for n in self.judges.serving() if self._judging_by.get(n) != policy.revision]:
            if loop.time() > deadline:
                for number in missing:
                    self.judges.end(number)
                return
            await asyncio.sleep(_POLL)
