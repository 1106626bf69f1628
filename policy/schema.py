"""JSON Schemas of the configuration files, for editors and for people."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Described(GenerateJsonSchema):
    """Adds what stands below each setting of a document.

    Pydantic can do that while a document's class is made (`use_attribute_docstrings`), and reads every source file
    once more then: a fifth of the time in which the gateway starts, and nobody needs descriptions there.
    """

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        told = _descriptions(schema["cls"])
        for name, field in schema["cls"].model_fields.items():
            found = described.get("properties", {}).get(field.alias or name)
            if found is not None and name in told:
                found.setdefault("description", told[name])
        return described


def _descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the strings below the settings of a document and of those it is built on."""
    bases = [each for each in reversed(model.__mro__) if issubclass(each, BaseModel) and each is not BaseModel]
    return {name: text for each in bases for name, text in _below_settings(each)}


def _below_settings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    source = ast.parse(textwrap.dedent(inspect.getsource(model)))
    for setting, below in pairwise(each for top in source.body if isinstance(top, ast.ClassDef) for each in top.body):
        match setting, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document."""
    return {"$schema": DIALECT, **model.model_json_schema(schema_generator=_Described)}


def render(model: type[BaseModel]) -> str:
    """Return the schema as the text of its file: two spaces, keys in the order of the model, a final newline."""
    return json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n"
