"""What the databases that speak PostgreSQL's language lack, and so may not be used."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from proxy.federation.storage import postgres_statements
from proxy.federation.storage.migrations import POSTGRES, VERSION_TABLE, steps
from tests.repository.tree import modules, read

LACKING = {
    # Every writer would wait for it, or the numbers would not be in the order of the commits.
    "a sequence": r"\b(big|small)serial\b|\bserial\s+(primary|not)\b|\bidentity\b|\bnextval\b",
    "a notification": r"\b(un)?listen\b|\bnotify\b",
    "an advisory lock": r"advisory",
    "the number of a transaction": r"\bx(min|max)\b|\bctid\b|\btxid_|\bpg_(current|snapshot)_|\bage\s*\(",
    "an extension": r"\bextension\b|\bdblink\b|\bpg_\w+\s*\(",
    "a trigger or a procedure": r"\btrigger\b|\bfunction\b|\bprocedure\b|\bdo\s+\$|\blanguage\b",
    "a lock of a whole table": r"\block\s+table\b",
    "a clause that some lack": r"\bmerge\s+into\b|\blateral\b|\bwith\b|\bpartition\b|\bexclude\b|\bunlogged\b",
    "a type that some lack": r"\bmoney\b|\bxml\b|\bhstore\b|\b\w*range\b|\bcitext\b",
    "a key into another table": r"\breferences\b|\bforeign\b",
}


def statements() -> Iterator[tuple[str, str]]:
    for name, text in vars(postgres_statements).items():
        if name.isupper():
            yield from ((name, each) for each in ((text,) if isinstance(text, str) else text))
    yield "version table", VERSION_TABLE.format(**POSTGRES._asdict())
    yield from ((f"step {number}", text) for number, text in enumerate(steps(POSTGRES, 0, "here")))


@pytest.mark.parametrize("construct", LACKING)
def test_nothing_is_used_that_they_lack(construct: str) -> None:
    found = [name for name, text in statements() if re.search(LACKING[construct], text, re.IGNORECASE)]
    assert found == []


def test_the_check_sees_what_it_forbids() -> None:
    bad = "CREATE TABLE t (id BIGSERIAL); SELECT pg_advisory_lock(1); NOTIFY x; SELECT xmin FROM t; CREATE EXTENSION y"
    hits = {name for name, pattern in LACKING.items() if re.search(pattern, bad, re.IGNORECASE)}
    assert {"a sequence", "an advisory lock", "a notification", "the number of a transaction", "an extension"} <= hits
    assert len(list(statements())) > 30


def test_every_statement_to_postgresql_stands_where_the_check_looks() -> None:
    elsewhere = [
        f"{module}: {line.strip()}"
        for module in modules("proxy/federation/storage")
        if module.name.startswith("postgres") and module.name != "postgres_statements.py"
        for line in read(module).splitlines()
        if re.search(r"\"(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|TRUNCATE|WITH|LOCK)\b", line)
    ]
    assert elsewhere == []


def test_tables_can_be_spread_by_origin() -> None:
    """A database that spreads rows over machines wants the column it spreads by in every unique key."""
    tables = [text for _, text in statements() if "CREATE TABLE IF NOT EXISTS contributions" in text]
    assert len(tables) == 1
    assert "PRIMARY KEY (origin, topic)" in tables[0]
    assert not any(re.search(r"\bUNIQUE\b", text) for _, text in statements())
