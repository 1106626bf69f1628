"""Opens the journals of the gateway's processes, as its configuration says, and the supervisor's key."""

from __future__ import annotations

from pathlib import Path

from proxy.audit.chained_file import JournalError
from proxy.audit.journal import Journal
from proxy.audit.keys import KeyProblem, SigningKey
from proxy.audit.layout import DIRECTORY, PUBLIC_KEY_FILE, chain_of_worker
from proxy.audit.retention import Retention
from proxy.configuration import GatewayDocument


def workers_log(document: GatewayDocument, number: int) -> Journal:
    """Open the journal of a worker.

    Raises:
        JournalError: with the remedy.
    """
    return _journal(document, document.state_directory / DIRECTORY / chain_of_worker(number))


def supervisors_log(document: GatewayDocument) -> tuple[Journal, SigningKey]:
    """Open the journal of the supervisor, and its key; make the key at the first start, and publish its public half.

    Raises:
        JournalError: with the remedy.
    """
    directory = document.state_directory / DIRECTORY
    try:
        key = SigningKey.of(document.state_directory)
    except KeyProblem as problem:
        raise JournalError(str(problem)) from problem
    journal = _journal(document, directory)
    public = directory / PUBLIC_KEY_FILE
    try:
        if not public.exists() or public.read_bytes() != key.public.pem():
            public.write_bytes(key.public.pem())
    except OSError as error:
        journal.close()
        raise JournalError(f"{public}: {error.strerror}; check path, rights and disk") from error
    return journal, key


def _journal(document: GatewayDocument, directory: Path) -> Journal:
    return Journal(
        directory,
        capacity=document.limits.audit_queue,
        retention=retention(document),
        redact=frozenset(document.audit.redact),
    )


def retention(document: GatewayDocument) -> Retention:
    """Return what each process may keep: all together what the configuration says."""
    audit = document.audit
    return Retention(audit.file_bytes, audit.file_age, audit.keep_bytes, audit.keep_age).share(document.workers + 1)
