"""Whether a subverted site heals."""

from __future__ import annotations

import pytest

from proxy.evaluation.federated.healing import Case, Course, Healing, Size, heal
from tests.proxy.evaluation.federated.small import plans

CASES = (
    Case("4 sites", 4, 1),
    Case("isolated", 4, 1, federated=False),
    Case("2 sites", 2, 1),
    Case("2 subverted", 4, 2, apart=35),
)
LEARNT = 40


@pytest.fixture(scope="module")
def found() -> Healing:
    return heal(1, Size(hours=1, learnt=LEARNT, removed_after=4, watched=4), CASES, floorplans=plans)


def named(found: Healing, name: str) -> Course:
    (course,) = [each for each in found.courses if each.name == name]
    return course


def elsewhere(course: Course, begin: float, end: float) -> float:
    av = course.av(lambda point: point.elsewhere, begin, end)
    assert av is not None
    return av


def test_with_other_sites_the_behaviour_is_flagged_again_at_once(found: Healing) -> None:
    course = named(found, "4 sites")
    assert course.refused_here == 1.0
    assert course.flagged_again == 0.0
    assert elsewhere(course, 0, 100) > found.threshold


def test_a_site_alone_does_not_heal(found: Healing) -> None:
    course = named(found, "isolated")
    assert course.refused_here == 0.0
    assert course.flagged_again is None
    assert elsewhere(course, 0, 100) > found.threshold  # nobody else was taught


def test_of_two_sites_the_other_heals_once_the_subverted_one_is_taken_out(found: Healing) -> None:
    course = named(found, "2 sites")
    assert course.removed_at is not None
    assert elsewhere(course, LEARNT, course.removed_at) < found.threshold
    assert elsewhere(course, course.removed_at + 1, 100) > found.threshold


def test_two_subverted_sites_teach_all_until_they_are_taken_out(found: Healing) -> None:
    course = named(found, "2 subverted")
    assert not course.accepted
    assert course.removed_at is not None
    assert elsewhere(course, LEARNT, course.removed_at) < found.threshold
    assert elsewhere(course, course.removed_at + 1, 100) > found.threshold
