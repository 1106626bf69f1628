"""Opens the journal of one of the gateway's processes, as its configuration says."""

from __future__ import annotations

from proxy.audit.journal import Journal
from proxy.audit.layout import DIRECTORY, chain_of_worker
from proxy.audit.retention import Retention
from proxy.configuration import GatewayDocument


def journal(document: GatewayDocument, worker: int | None = None) -> Journal:
    """Open the journal of a worker, or of the supervisor.

    Raises:
        JournalError: with the remedy.
    """
    directory = document.state_directory / DIRECTORY
    return Journal(
        directory if worker is None else directory / chain_of_worker(worker),
        capacity=document.limits.audit_queue,
        retention=retention(document),
    )


def retention(document: GatewayDocument) -> Retention:
    """Return what each process may keep: all together what the configuration says."""
    audit = document.audit
    return Retention(audit.file_bytes, audit.file_age, audit.keep_bytes, audit.keep_age).share(document.workers + 1)
