"""JSON Schemas of the configuration files, for editors and for people."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document."""
    return {"$schema": DIALECT, **model.model_json_schema()}


def render(model: type[BaseModel]) -> str:
    """Return the schema as the text of its file: two spaces, keys in the order of the model, a final newline."""
    return json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n"
