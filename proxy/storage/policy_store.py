"""The last policy that was in force, on disk: for a gateway that is started again when its file is broken."""

from __future__ import annotations

from pathlib import Path

from policy.loading import DocumentError
from proxy.policy_file import LoadedPolicy, load_policy

FILE = "last-good-policy.yaml"


class PolicyStore:
    """One copy of the file in the state directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, policy: LoadedPolicy) -> None:
        """Keep a policy that is in force, atomically.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(policy.text, encoding="utf-8")
        fresh.replace(self._path)

    def load(self) -> LoadedPolicy | None:
        """Return the policy that was kept; None where there is none, or where this version cannot use it."""
        try:
            return load_policy(self._path)
        except DocumentError:
            return None
