from __future__ import annotations

from pathlib import Path

from policy.loading import load_document
from proxy.audit.layout import rotated
from proxy.audit.opening import journal, retention
from proxy.audit.retention import DEFAULT
from proxy.audit.verify import verify
from proxy.configuration import GatewayDocument, load_gateway
from tests.proxy.audit.events import event
from tests.proxy.parts import plain_settings, write_settings


def test_the_configuration_says_where_it_is_and_when_it_is_rotated(tmp_path: Path) -> None:
    settings = plain_settings(state_directory="state", audit={"file_bytes": 65536, "keep_bytes": 16 * 1024 * 1024})
    document = load_gateway(write_settings(tmp_path, settings))
    made = journal(document, 3)
    for number in range(200):
        made.append(event(number))
    made.close(timeout=30)
    made = journal(document, 3)
    made.append(event(200))
    made.close(timeout=30)

    chain = tmp_path / "state" / "audit" / "worker-3"
    assert len(rotated(chain)) == 1
    assert verify(chain).ok
    journal(document).close(timeout=30)
    assert (tmp_path / "state" / "audit" / "journal.jsonl").exists()


def test_all_processes_together_keep_what_is_configured(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(workers=3, audit={"keep_bytes": 1024 * 1024 * 1024}))
    document = load_document(path, GatewayDocument)
    share = retention(document)
    assert share.keep_bytes * 4 == 1024 * 1024 * 1024
    assert share.file_bytes == 32 * 1024 * 1024


def test_the_defaults_are_those_of_a_journal_that_nobody_configured(tmp_path: Path) -> None:
    document = load_document(write_settings(tmp_path, plain_settings()), GatewayDocument)
    assert retention(document) == DEFAULT.share(2)
