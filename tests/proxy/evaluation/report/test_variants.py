"""What is left of accesses when a feature is left out."""

from __future__ import annotations

import msgspec
import pytest

from models.access import Access, Operation
from models.analyzer import Analyzer
from proxy.evaluation.report.variants import BY_NAME, VARIANTS, TimelessAnalyzer, Variant, VariantSubject
from proxy.evaluation.subject import Judgement
from tests.models.accesses import START, access, teach

FULL = msgspec.structs.replace(access(START, operation=Operation.SET, rooms=("hall", "attic")), value="1")


def changed(variant: str) -> set[str]:
    left = BY_NAME[variant].transform(FULL)
    return {name for name in FULL.__struct_fields__ if getattr(left, name) != getattr(FULL, name)}


@pytest.mark.parametrize(
    ("variant", "fields"),
    [
        ("location", {"source_location", "destination_location"}),
        ("source type", {"source_type"}),
        ("destination type", {"destination_type"}),
        ("operation", {"operation"}),
        ("data type", {"data_type"}),
        ("value", {"value"}),
        ("time", set()),
        ("types of services", {"source_type", "destination_type"}),
        (
            "types, data types and locations",
            {"source_type", "destination_type", "data_type", "source_location", "destination_location"},
        ),
    ],
)
def test_what_is_left_out_is_blank_and_the_others_are_as_they_were(variant: str, fields: set[str]) -> None:
    assert changed(variant) == fields


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.name)
def test_blanking_twice_is_blanking_once(variant: Variant) -> None:
    once = variant.transform(FULL)
    assert variant.transform(once) == once


def test_without_source_type_all_services_are_of_one_type() -> None:
    other = msgspec.structs.replace(FULL, source_type="/other")
    blank = BY_NAME["source type"].transform
    assert blank(FULL).source_type == blank(other).source_type
    assert blank(msgspec.structs.replace(FULL, source_type=None)).source_type is None


def test_without_types_each_service_is_a_type_of_its_own() -> None:
    blank = BY_NAME["types of services"].transform
    left = blank(FULL)
    assert (left.source_type, left.destination_type) == (FULL.source, FULL.destination)
    assert blank(msgspec.structs.replace(FULL, source_type=None)).source_type is None


def test_the_subject_sees_only_what_is_left() -> None:
    class Witness:
        seen: Access | None = None

        def judge(self, access: Access) -> Judgement:
            self.seen = access
            return Judgement(3.0, refused=True)

    witness = Witness()
    assert VariantSubject(witness, BY_NAME["value"]).judge(FULL) == (3.0, True)
    assert witness.seen == msgspec.structs.replace(FULL, value=None)


def test_without_time_a_flood_is_no_flood_but_what_is_new_is_still_new() -> None:
    def after_two_hours(analyzer: Analyzer) -> Analyzer:
        teach(analyzer, *(access(START + index * 20_000) for index in range(360)))
        return analyzer

    full, timeless = after_two_hours(Analyzer()), after_two_hours(TimelessAnalyzer())
    end = START + 360 * 20_000
    flood = [access(end + index) for index in range(50)]
    assert max(full.score(each).av for each in flood) >= 7
    assert max(timeless.score(each).av for each in flood) < 1
    new = access(end + 20_000, operation=Operation.SET)
    assert timeless.score(new).av >= 7
    assert timeless.score(new).deciding == "relationship"
