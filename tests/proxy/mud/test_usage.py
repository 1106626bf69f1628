"""What of a model is usual enough to be told."""

from __future__ import annotations

from models.analyzer import Analyzer
from proxy.mud.usage import Usage, usages
from tests.models.accesses import START, access, teach
from tests.proxy.mud.learnt import house


def found(analyzer: Analyzer, block: float = 7.0) -> dict[str, Usage]:
    analyzer.knowledge.read()
    return usages(analyzer.knowledge.types, analyzer.knowledge.form, lambda *_: block)


def test_what_would_be_refused_is_left_out() -> None:
    light = found(house())["/light"]
    assert [(key.partner, key.own, key.operation) for key in light.relationships] == [
        ("/light", True, "set"),
        ("/movement", False, "get"),
    ]
    assert (light.left_out, light.settled, light.callers) == (1, True, ("/panel",))
    assert [key.operation for key in found(house(), block=1000.0)["/light"].relationships].count("subscribe") == 1


def test_a_young_model_is_told_to_be_one() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START))
    analyzer.advance(START + 120_000)
    assert not found(analyzer)["/light"].settled


def test_types_can_be_left_out_as_partners_and_as_callers() -> None:
    light = found(house())["/light"].without({"/movement", "/panel"})
    assert [key.partner for key in light.relationships] == ["/light"]
    assert light.callers == ()
