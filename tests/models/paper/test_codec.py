from __future__ import annotations

import pytest

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from models.paper.codec import MAGIC, decode
from tests.models.accesses import MINUTE, START, access


def learnt() -> PaperAnalyzer:
    analyzer = PaperAnalyzer()
    for beat in range(100):
        each = access(START + 2000 * beat, rooms=("Kitchen", "Bath"))
        analyzer.advance(each.time)
        analyzer.score(each)
        analyzer.learn(each)
    return analyzer


def test_what_was_stored_is_what_is_read() -> None:
    data = learnt().dump()
    again = PaperAnalyzer.load(data)
    assert again.dump() == data
    assert again.models() == learnt().models()


def test_neither_scoring_reads_the_others_models() -> None:
    with pytest.raises(ValueError, match="no models of `scoring: paper`"):
        PaperAnalyzer.load(Analyzer().dump())
    with pytest.raises(ValueError, match="first bytes are wrong"):
        Analyzer.load(PaperAnalyzer().dump())


def test_what_is_cut_off_or_of_another_version_is_told() -> None:
    data = learnt().dump()
    with pytest.raises(ValueError, match="cut off"):
        decode(data[: len(MAGIC) + 5])
    with pytest.raises(ValueError, match="damaged"):
        decode(data[:-5])
    with pytest.raises(ValueError, match="of format 255"):
        decode(MAGIC + b"\xff" + data[len(MAGIC) + 1 :])


def test_sums_that_fit_no_machine_word_are_kept_to_the_last_digit() -> None:
    analyzer = learnt()
    analyzer.advance(START + 60 * MINUTE)
    feature = next(iter(analyzer.models()["/light"].relationships["/movement"].periods.values()))
    feature.tt += 1 << 80
    read = PaperAnalyzer.load(analyzer.dump()).models()["/light"].relationships["/movement"].periods
    assert feature in read.values()
