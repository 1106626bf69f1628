"""What the kernel was last told to enforce, on disk, for guards that stand even while the configuration is broken."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from proxy.firewall.plan import Plan
from proxy.storage.ownership import give_to_owner_of

FILE = "plan.json"


class PlanStoreError(Exception):
    """There is no usable plan; the text names the file."""


class PlanStore:
    """One file, replaced as a whole."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def save(self, plan: Plan) -> None:
        """Write the plan in place of the one before.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self.path.with_suffix(".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
            give_to_owner_of(fresh.parent, file.fileno())
            file.write(msgspec.json.encode(plan))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def load(self) -> Plan:
        """Return the plan, every value of it checked.

        Raises:
            PlanStoreError: there is none, or it is damaged.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Plan)
        except FileNotFoundError:
            raise PlanStoreError(f"{self.path} is not there: no gateway has started from this directory yet") from None
        except OSError as error:
            raise PlanStoreError(f"{self.path}: {error.strerror}") from error
        except ValueError as error:
            raise PlanStoreError(f"{self.path}: {error}") from error
