"""The benchmark times what it says: requests that are understood, by both decoders."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.decoding import mapped, mapped_request, measure, median_us, vsl, vsl_request


def test_both_decoders_understand_what_is_timed() -> None:
    figures = measure(itertools.count(), 20)
    assert min(figures.vsl_repeated, figures.vsl_new, figures.mapping_repeated, figures.mapping_new) > 0
    assert vsl_request(1) != vsl_request(2)
    assert mapped_request(1) != mapped_request(2)


def test_what_is_refused_is_not_timed() -> None:
    with pytest.raises(RuntimeError, match="/vsl/agent1/light1/level"):
        median_us(mapped(), [vsl_request(1)])
    with pytest.raises(RuntimeError, match="/lights/1/state"):
        median_us(vsl(), [mapped_request(1)])
