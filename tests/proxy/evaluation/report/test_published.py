from __future__ import annotations

from proxy.evaluation.report import published


def test_the_classes_add_up_to_the_total_that_was_published() -> None:
    assert sum(each.packets for each in published.CLASSES.values()) == 10_027
    assert len(published.CLASSES) == 7
