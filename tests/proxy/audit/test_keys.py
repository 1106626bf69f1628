from __future__ import annotations

import base64
import stat
import subprocess
from pathlib import Path

import pytest

from proxy.audit.head import Head
from proxy.audit.keys import KeyProblem, PublicKey, SigningKey
from proxy.audit.statement import Signed, Statement


def statement(key: SigningKey, number: int = 1) -> Statement:
    heads = {"supervisor": Head(12, "a" * 64)}
    return Statement(key=key.public.name, number=number, time="2026-11-23T07:30:27.123Z", heads=heads)


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = SigningKey.of(tmp_path)
    path = tmp_path / "audit-key" / "heads.key"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]
    assert SigningKey.of(tmp_path).public.name == made.public.name
    assert SigningKey.of(tmp_path / "another").public.name != made.public.name


def test_a_signature_holds_for_that_text_and_that_key(tmp_path: Path) -> None:
    key = SigningKey.of(tmp_path)
    signed = key.sign(statement(key))
    (tmp_path / "key.pem").write_bytes(key.public.pem())
    public = PublicKey.read(tmp_path / "key.pem")
    assert public.name == key.public.name
    assert public.signed(signed)
    assert not public.signed(Signed(signed.statement.replace("12", "11"), signed.signature))
    assert not public.signed(Signed(signed.statement, "AAAA"))
    assert not public.signed(Signed(signed.statement, "no base64"))
    assert not SigningKey.of(tmp_path / "another").public.signed(signed)


def test_openssl_can_check_it(tmp_path: Path) -> None:
    key = SigningKey.of(tmp_path)
    signed = key.sign(statement(key))
    (tmp_path / "key.pem").write_bytes(key.public.pem())
    (tmp_path / "text").write_text(signed.statement)
    (tmp_path / "signature").write_bytes(base64.b64decode(signed.signature))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "text"]
    done = subprocess.run([*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, b"Verified" in done.stdout) == (0, True)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    SigningKey.of(tmp_path)
    path = tmp_path / "audit-key" / "heads.key"
    path.chmod(0o640)
    with pytest.raises(KeyProblem, match=f"chmod 600 {path}"):
        SigningKey.of(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "nothing of ours", "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n".format("PRIVATE KEY")]
)
def test_what_is_no_key_is_never_replaced(tmp_path: Path, content: str) -> None:
    SigningKey.of(tmp_path)
    path = tmp_path / "audit-key" / "heads.key"
    path.write_text(content)
    with pytest.raises(KeyProblem, match=r"heads\.key: holds no Ed25519 key"):
        SigningKey.of(tmp_path)
    assert path.read_text() == content
    with pytest.raises(KeyProblem, match="holds no public key"):
        PublicKey.read(path)
