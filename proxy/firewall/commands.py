"""All that the privileged side does for the others; nothing else crosses, and no text of a rule ever does."""

from __future__ import annotations

import msgspec

from proxy.firewall.plan import MOST_WORKERS, Entry, Plan, PlanError

MOST_ENTRIES = 1024
"""Most senders in one command: a refusal of many more would not fit the kernel's answer."""


class InstallTable(msgspec.Struct, frozen=True, tag=True):
    """Put the table in place, or replace it, in one transaction.

    Whoever is in quarantine in the kernel stays; `entries` come in addition, and where both name a sender they win.
    Protected addresses are left out, and told.
    After a restart, or after somebody's flush, the remembered entries passed here restore everything at once.
    """

    plan: Plan
    entries: tuple[Entry, ...] = ()


class Quarantine(msgspec.Struct, frozen=True, tag=True):
    """Cut these senders off, or give those that already are their new end. All of them or none."""

    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        """Check that they are not too many.

        Raises:
            PlanError: when they are.
        """
        _check_number(self.entries)


class Release(msgspec.Struct, frozen=True, tag=True):
    """Let these senders through again; ones that are not in quarantine are passed over. `until` is of no account."""

    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        """Check that they are not too many.

        Raises:
            PlanError: when they are.
        """
        _check_number(self.entries)


class Uninstall(msgspec.Struct, frozen=True, tag=True):
    """Remove the table and everything in it: from now on traffic passes unjudged."""


class Alive(msgspec.Struct, frozen=True, tag=True):
    """These workers serve, for the next seconds; to be said again before those are over.

    In fail mode open the calls of a worker's senders pass unjudged once it was not said in time. In fail mode closed
    it changes nothing.
    """

    workers: tuple[int, ...]
    """Numbers from 0 on."""

    def __post_init__(self) -> None:
        """Check that there can be such workers.

        Raises:
            PlanError: when one can not be.
        """
        if wrong := [worker for worker in self.workers if not 0 <= worker < MOST_WORKERS]:
            message = f"there is no worker {wrong[0]}; they have the numbers 0 to {MOST_WORKERS - 1}"
            raise PlanError(message)


def _check_number(entries: tuple[Entry, ...]) -> None:
    if len(entries) > MOST_ENTRIES:
        message = f"{len(entries)} senders in one command; at most {MOST_ENTRIES}"
        raise PlanError(message)


Command = InstallTable | Quarantine | Release | Alive | Uninstall
