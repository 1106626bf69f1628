from __future__ import annotations

import pytest
from pydantic import ValidationError

from policy.section import Section


class Example(Section):
    name: str = "a"


def test_what_is_not_known_is_an_error_and_what_was_loaded_does_not_change() -> None:
    with pytest.raises(ValidationError, match="nmae"):
        Example.model_validate({"nmae": "b"})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Example(), "name", "b")  # noqa: B010 -- the type checker sees it as well
