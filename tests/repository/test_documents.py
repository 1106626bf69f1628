"""The documents for people: commands that exist, links that lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.repository.commands import problem_of
from tests.repository.test_makefile import rules
from tests.repository.tree import ROOT, files, read

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
SYSTEM = {
    "apt-get", "cd", "chgrp", "chmod", "chown", "cp", "docker", "git", "install", "ip", "journalctl", "kill", "ln",
    "modprobe", "nft", "openssl", "sysctl", "systemctl", "useradd",
}  # fmt: skip
"""Commands of the system that the documents may show; those that need no explanation of ours."""
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)(?P<target>[^)\s]+)\)")


def commands(document: Path) -> list[str]:
    """The command lines of the `sh` blocks of a document, continuation lines joined, comments dropped."""
    found = []
    for block in BLOCK.finditer(read(document)):
        if block["language"] == "sh":
            body = re.sub(r"\\\n\s*", " ", block["body"])
            lines = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in body.splitlines())
            found += [line for line in lines if line]
    return found


def problem_of_line(line: str) -> str | None:
    """Say what is wrong with a command line; `None` if it could be typed as it is."""
    words = shlex.split(line, comments=True)
    if words[0] == "sudo":
        words = words[1:]
    program, arguments = words[0], words[1:]
    if program == "make":
        unknown = [word for word in arguments if "=" not in word and word not in rules()]
        return f"make has no target {', '.join(unknown)}" if unknown else None
    if program.rsplit("/", 1)[-1] == "alleyes":
        return problem_of(arguments)
    if program in {"cp", "install"}:
        sources = [word for word in arguments if word.startswith(("config/", "docs/", "scripts/"))]
        missing = [word for word in sources if not any(ROOT.glob(word))]
        return f"{program}: the repository has no {', '.join(missing)}" if missing else None
    return None if program in SYSTEM else f"{program} is neither make nor alleyes, nor a command of the system"


def shown() -> list[tuple[Path, str]]:
    return [(document, line) for document in DOCUMENTS for line in commands(document)]


@pytest.mark.parametrize(("document", "line"), shown(), ids=str)
def test_command_that_is_shown_exists(document: Path, line: str) -> None:
    assert problem_of_line(line) is None, f"{document}: {line}"


def test_wrong_commands_would_be_found() -> None:
    for line in ("make nonsense", "alleyes nonsense", "alleyes run --nonsense", "nonsense", "cp config/nonsense /etc"):
        assert problem_of_line(line) is not None


def test_readme_begins_with_the_two_commands() -> None:
    assert commands(Path("README.md"))[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_blocks_name_their_language(document: Path) -> None:
    assert [block["body"][:60] for block in BLOCK.finditer(read(document)) if not block["language"]] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    text = BLOCK.sub("", read(document))
    for match in LINK.finditer(text):
        target, _, anchor = match["target"].partition("#")
        path = (ROOT / document).parent / target if target else ROOT / document
        assert path.exists(), f"{document} links to {target}, which does not exist"
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{document} links to {match['target']}, which has no such heading"
