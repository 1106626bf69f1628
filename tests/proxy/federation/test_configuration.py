"""`federation.yaml`: what is accepted, and that mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policy.loading import DocumentError
from proxy.federation.configuration import load_federation

SHIPPED = Path(__file__).parents[3] / "config/federation.yaml"


def written(directory: Path, **settings: object) -> Path:
    path = directory / "federation.yaml"
    path.write_text(yaml.safe_dump({"role": "site", "names": ["federation.example"]} | settings), encoding="utf-8")
    return path


def test_the_shipped_file_is_valid() -> None:
    document = load_federation(SHIPPED)
    assert (document.role, document.listen.port) == ("site", 8470)
    assert document.storage.sqlite == Path("/var/lib/alleyes-federation/federation.db")


def test_paths_are_relative_to_the_file_and_the_database_to_the_state(tmp_path: Path) -> None:
    authority = {"certificate": "ca.pem", "key": "ca.key"}
    upstream = {"service": "https://global.example:8470"}
    document = load_federation(written(tmp_path, state_directory="state", authority=authority, upstream=upstream))
    assert document.storage.sqlite == tmp_path / "state/federation.db"
    assert document.upstream is not None
    assert document.upstream.directory == tmp_path / "state/federation"
    assert document.authority is not None
    assert (document.authority.certificate, document.authority.key) == (tmp_path / "ca.pem", tmp_path / "ca.key")


def test_a_password_in_the_dsn_is_not_shown(tmp_path: Path) -> None:
    dsn = "postgresql://alleyes:opensesame@db.example/federation"
    document = load_federation(written(tmp_path, storage={"postgres": {"dsn": dsn}}))
    assert document.storage.postgres is not None
    assert document.storage.postgres.dsn.get_secret_value() == dsn
    assert "opensesame" not in repr(document)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"role": "planet"}, 'role: "planet" is not one of the choices'),
        ({"names": []}, "names"),
        ({"names": ["not a name"]}, "names[0]: 'not a name' is neither the name of a host nor an address"),
        ({"listen": {"shared": True}}, "`listen.shared` is for several processes, which one SQLite file does not"),
        ({"role": "global", "upstream": {"service": "https://a.example:1"}}, "`role: global` has no level above"),
        (
            {
                "listen": {"shared": True},
                "storage": {"postgres": {"dsn": "dbname=x"}},
                "upstream": {"service": "https://a.example:1"},
            },
            "each of which would speak for the whole site above -- remove it, or `upstream`",
        ),
        ({"limits": {"wait_seconds": 61}}, "limits.wait_seconds"),
        ({"certificates": {"origins": 90}}, "certificates.origins: 90 is not a duration"),
    ],
)
def test_mistakes(tmp_path: Path, change: dict[str, object], named: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_federation(written(tmp_path, **change))
    (problem,) = caught.value.problems
    assert named in str(problem)
