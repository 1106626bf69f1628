"""A policy has a revision that names its bytes; a broken one is refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.document import ModeSetting, Scoring
from policy.loading import DocumentError
from proxy.policy_file import load_policy, reload_policy


def test_the_revision_names_the_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"mode: enforce\n")
    first = load_policy(path)
    assert first.document.mode is ModeSetting.ENFORCE
    # printf 'mode: enforce\n' | sha256sum | cut -c -12
    assert first.revision == "ac17ce3f2bec"
    path.write_bytes(b"mode: enforce # as agreed\n")
    assert load_policy(path).revision != first.revision
    path.write_bytes(b"mode: enforce\n")
    assert load_policy(path) == first


def test_a_broken_policy_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"mode: enforce\nthresholds:\n  block: 700\n")
    with pytest.raises(DocumentError) as caught:
        load_policy(path)
    assert [str(problem).split(": ")[0] for problem in caught.value.problems] == [f"{path}:3"]


def test_a_missing_policy(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"policy\.yaml"):
        load_policy(tmp_path / "policy.yaml")


def test_a_reload_takes_everything_but_another_scoring(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"mode: enforce\n")
    assert reload_policy(path, Scoring.ALLEYES) == load_policy(path)
    path.write_bytes(b"mode: enforce\nscoring: paper\n")
    assert reload_policy(path, Scoring.PAPER).document.scoring is Scoring.PAPER
    with pytest.raises(DocumentError) as caught:
        reload_policy(path, Scoring.ALLEYES)
    assert str(caught.value) == (
        f"{path}: scoring: the gateway runs with alleyes, a change to paper takes a restart"
        " -- restart the gateway, or write alleyes"
    )
