from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import load_document
from proxy.audit.chained_file import JournalError
from proxy.audit.keys import PublicKey
from proxy.audit.layout import JOURNAL_FILE, PUBLIC_KEY_FILE, rotated
from proxy.audit.opening import retention, supervisors_log, workers_log
from proxy.audit.retention import DEFAULT
from proxy.audit.verify import verify
from proxy.configuration import GatewayDocument, load_gateway
from tests.proxy.audit.events import event
from tests.proxy.parts import plain_settings, write_settings


def test_the_configuration_says_where_it_is_and_when_it_is_rotated(tmp_path: Path) -> None:
    settings = plain_settings(state_directory="state", audit={"file_bytes": 65536, "keep_bytes": 16 * 1024 * 1024})
    document = load_gateway(write_settings(tmp_path, settings))
    made = workers_log(document, 3)
    for number in range(200):
        made.append(event(number))
    made.close(timeout=30)
    made = workers_log(document, 3)
    made.append(event(200))
    made.close(timeout=30)

    chain = tmp_path / "state" / "audit" / "worker-3"
    assert len(rotated(chain)) == 1
    assert verify(chain).ok


def test_the_supervisor_has_a_key_beside_its_journal_whose_public_half_is_with_the_log(tmp_path: Path) -> None:
    document = load_gateway(write_settings(tmp_path, plain_settings(state_directory="state")))
    for _ in range(2):
        made, key = supervisors_log(document)
        made.close(timeout=30)
        audit = tmp_path / "state" / "audit"
        assert (audit / JOURNAL_FILE).exists()
        assert PublicKey.read(audit / PUBLIC_KEY_FILE).name == key.public.name


def test_a_key_that_cannot_be_used_is_said_with_the_remedy(tmp_path: Path) -> None:
    document = load_gateway(write_settings(tmp_path, plain_settings(state_directory="state")))
    (tmp_path / "state" / "audit-key").mkdir(parents=True)
    path = tmp_path / "state" / "audit-key" / "heads.key"
    path.write_text("nothing of ours")
    path.chmod(0o600)
    with pytest.raises(JournalError, match="holds no Ed25519 key -- put it back"):
        supervisors_log(document)


def test_all_processes_together_keep_what_is_configured(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(workers=3, audit={"keep_bytes": 1024 * 1024 * 1024}))
    document = load_document(path, GatewayDocument)
    share = retention(document)
    assert share.keep_bytes * 4 == 1024 * 1024 * 1024
    assert share.file_bytes == 32 * 1024 * 1024


def test_the_defaults_are_those_of_a_journal_that_nobody_configured(tmp_path: Path) -> None:
    document = load_document(write_settings(tmp_path, plain_settings()), GatewayDocument)
    assert retention(document) == DEFAULT.share(2)
