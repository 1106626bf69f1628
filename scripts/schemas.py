"""Write the JSON Schema of every configuration document into config/; run by `make schemas`."""

from __future__ import annotations

from pathlib import Path

from policy.schema import render
from proxy.documents import DOCUMENTS

CONFIG = Path(__file__).resolve().parent.parent / "config"


def schema_path(name: str) -> Path:
    """Return the path of the schema file of the document with this name."""
    return CONFIG / f"{name}.schema.json"


def main() -> None:
    """Write every schema and name the files."""
    for name, document in DOCUMENTS.items():
        path = schema_path(name)
        path.write_text(render(document), encoding="utf-8")
        print(path.relative_to(CONFIG.parent))


if __name__ == "__main__":
    main()
