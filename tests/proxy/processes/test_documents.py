from __future__ import annotations

from pathlib import Path

from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from proxy.configuration import GatewayDocument, InventoryDocument, load_gateway
from proxy.policy_file import load_policy
from proxy.processes.documents import written
from tests.policy.calls import PrescribedAnalyzer
from tests.proxy.parts import plain_settings, write_settings

POLICY = """
mode: monitor
thresholds: {alert: 5, block: 8, quarantine: 40}
service_types:
  /doorLock: {mode: enforce}
  /phone: {thresholds: {quarantine: null}}
  /light: {thresholds: {block: 12}}
quarantine: {expiry: 90s}
"""


def engine(policy: PolicyDocument) -> Engine:
    return Engine(analyzer=PrescribedAnalyzer([]), policy=policy, revision="r", quarantines=QuarantineRegister())


def test_a_policy_judges_in_another_process_as_it_does_here(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    here = load_policy(tmp_path / "policy.yaml").document
    there = PolicyDocument.model_validate_json(written(here))
    assert there == here
    for name in (None, "/doorLock", "/phone", "/light"):
        assert engine(there).rules(name) == engine(here).rules(name)
    assert there.quarantine.expiry == 90


def test_configuration_is_the_same_in_another_process(tmp_path: Path) -> None:
    inventory = {"services": [{"address": "/agent1/a", "ip": "10.77.1.9"}], "protected": ["10.77.1.254"]}
    settings = plain_settings(state_directory="state", workers=3, limits={"connections": 100})
    document = load_gateway(write_settings(tmp_path, settings, inventory=inventory))
    assert GatewayDocument.model_validate_json(written(document)) == document
    checked = InventoryDocument.model_validate(inventory)
    assert InventoryDocument.model_validate_json(written(checked)) == checked
