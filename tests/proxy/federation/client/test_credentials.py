"""The files of an origin: read whole, or said what is wrong with them."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from proxy.federation.client.credentials import AUTHORITY, CERTIFICATE, KEY, Credentials, CredentialsError, stamp_of
from tests.proxy.federation.client.hostile import DAY, Place


def test_name_and_life_are_read_from_the_certificate(tmp_path: Path) -> None:
    read = Credentials.read(Place(tmp_path / "authority").origin(tmp_path / "origin", "site-7", seconds=90 * DAY))
    assert read.origin == "site-7"
    assert read.begins.timestamp() == pytest.approx(time.time(), abs=600)
    assert (read.ends - read.begins).days == 90
    assert abs(read.renewal - read.begins - timedelta(days=60)) < timedelta(hours=1)


def test_another_certificate_has_another_stamp(tmp_path: Path) -> None:
    directory = Place(tmp_path / "authority").origin(tmp_path / "origin")
    before = stamp_of(directory)
    assert stamp_of(directory) == before
    path = directory / CERTIFICATE
    fresh = path.with_suffix(".new")
    fresh.write_bytes(path.read_bytes())
    os.replace(fresh, path)  # noqa: PTH105 -- as a renewal does
    assert stamp_of(directory) != before


@pytest.mark.parametrize("missing", [AUTHORITY, CERTIFICATE, KEY])
def test_a_file_that_is_missing_is_named_with_the_remedy(tmp_path: Path, missing: str) -> None:
    directory = Place(tmp_path / "authority").origin(tmp_path / "origin")
    (directory / missing).unlink()
    with pytest.raises(CredentialsError, match=rf"{missing}: No such file or directory -- enrol with a new token"):
        Credentials.read(directory)


@pytest.mark.parametrize("broken", [AUTHORITY, CERTIFICATE, KEY])
def test_a_file_that_is_broken_is_named_with_the_remedy(tmp_path: Path, broken: str) -> None:
    directory = Place(tmp_path / "authority").origin(tmp_path / "origin")
    (directory / broken).write_text("-----BEGIN NOTHING-----\n")
    with pytest.raises(CredentialsError, match=rf"{broken}: .* -- enrol with a new token"):
        Credentials.read(directory)


def test_a_key_of_another_certificate_is_noticed(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    directory, other = place.origin(tmp_path / "origin"), place.origin(tmp_path / "other")
    (directory / KEY).write_bytes((other / KEY).read_bytes())
    with pytest.raises(CredentialsError, match=rf"{KEY}: is not the key of {CERTIFICATE}: key values mismatch"):
        Credentials.read(directory)
