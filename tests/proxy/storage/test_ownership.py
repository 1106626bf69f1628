"""What root makes in the directory of another user is that user's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from proxy.storage.ownership import give_to_owner_of, make_directory

SOMEBODY = 64_123


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A directory of another user's."""
    directory = tmp_path / "state"
    directory.mkdir()
    try:
        os.chown(directory, SOMEBODY, SOMEBODY)
    except OSError as error:
        pytest.skip(f"only root, outside of a user namespace, can give files away: {error.strerror}")
    return directory


def owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


def given(directory: Path, path: Path) -> tuple[int, int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        give_to_owner_of(directory, descriptor)
    finally:
        os.close(descriptor)
    return owner(path)


def test_a_file_goes_to_the_owner_of_its_directory(others: Path) -> None:
    assert given(others, others / "file") == (SOMEBODY, SOMEBODY)


def test_a_file_with_another_name_elsewhere_is_left_alone(others: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("root's")
    (others / "file").hardlink_to(tmp_path / "precious")
    assert given(others, others / "file") == (0, 0)


def test_a_file_of_a_third_user_is_left_alone(others: Path) -> None:
    (others / "file").touch()
    os.chown(others / "file", SOMEBODY + 1, SOMEBODY + 1)
    assert given(others, others / "file") == (SOMEBODY + 1, SOMEBODY + 1)


def test_directories_go_down_in_the_family(others: Path) -> None:
    make_directory(others / "a" / "b")
    assert owner(others / "a") == owner(others / "a" / "b") == (SOMEBODY, SOMEBODY)
    assert stat.S_IMODE((others / "a" / "b").stat().st_mode) == 0o700


def test_in_an_own_directory_everything_stays_own(tmp_path: Path) -> None:
    make_directory(tmp_path / "a")
    make_directory(tmp_path / "a")
    assert owner(tmp_path / "a") == given(tmp_path, tmp_path / "file") == (os.geteuid(), os.getegid())


def test_what_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="File exists"):
        make_directory(tmp_path / "file")
