from __future__ import annotations

from pathlib import Path

import pytest

from proxy.policy_file import load_policy
from proxy.storage.policy_store import FILE, PolicyStore


def test_the_policy_comes_back_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes("mode: enforce # für alle\n".encode())
    policy = load_policy(path)
    PolicyStore(tmp_path).save(policy)
    assert PolicyStore(tmp_path).load() == policy
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [None, b"", b"mode: strict\n", b"\xff"])
def test_one_that_cannot_be_used_is_as_good_as_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    assert PolicyStore(tmp_path).load() is None
