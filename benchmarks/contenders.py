"""What detection is measured of: ours, the paper, its authors' rules, and what else a user might take."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from time import perf_counter
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.encoding import Encoder, Vocabulary
from models.access import Access
from policy.document import PolicyDocument
from proxy.evaluation.paper import PaperSubject
from proxy.evaluation.reference.subject import ReferenceSubject
from proxy.evaluation.shipped import FederatedSubject, Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.subject import Subject
from proxy.evaluation.whitelist import WhitelistSubject

HOUR = 3_600_000
FALSE_ALARMS = 0.001
"""Share of what it has learnt that a method without a threshold of its own is told to refuse."""
SEED = 1


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a method made of all accesses."""

    av: npt.NDArray[np.float64]
    """The higher, the more anomalous; of any unit."""
    refused: npt.NDArray[np.bool_]
    seconds: float
    """For all of it: encoding, judging and learning."""
    state: int
    """Bytes of what is remembered at the end, pickled."""


type Contender = Callable[[Sequence[Access]], Run]


class _Detector(Protocol):
    """What this uses of a `river.anomaly.QuantileFilter`."""

    def score_one(self, x: dict[int, float]) -> float: ...
    def classify(self, score: float) -> bool: ...
    def learn_one(self, x: dict[int, float]) -> None: ...


def contenders(sites: SiteMap) -> dict[str, Contender | str]:
    """Return the methods by name; the reason instead, for one whose library is not installed."""
    policy = PolicyDocument()
    found: dict[str, Contender | str] = {
        "alleyes, one model sees all": _one_by_one(lambda: FederatedSubject(policy, sites, Federation.SHARED)),
        "alleyes, live hierarchy": _one_by_one(lambda: FederatedSubject(policy, sites, Federation.LIVE)),
        "the paper to the letter": _one_by_one(PaperSubject),
        "the authors' rule set": _one_by_one(ReferenceSubject),
        "frozen whitelist": _one_by_one(WhitelistSubject),
    }
    for name, library, contender in (
        ("HalfSpaceTrees (river)", "river", half_space_trees),
        ("IsolationForest (scikit-learn)", "sklearn", isolation_forest),
    ):
        found[name] = contender if find_spec(library) else f"{library} is not installed: make benchmark installs it"
    return found


def _one_by_one(make: Callable[[], Subject]) -> Contender:
    def run(accesses: Sequence[Access]) -> Run:
        subject = make()
        judge = subject.judge
        begun = perf_counter()
        judgements = [judge(access) for access in accesses]
        seconds = perf_counter() - begun
        return Run(
            av=np.array([judgement.av for judgement in judgements]),
            refused=np.array([judgement.refused for judgement in judgements]),
            seconds=seconds,
            state=_size(subject),
        )

    return run


def half_space_trees(accesses: Sequence[Access]) -> Run:
    """Judge and learn online: 25 trees (Tan, Ting and Liu), refusing above the running 99.9 % quantile of the scores.

    A window is as many accesses as there were in the first hour, to compare with an hour as the forest does: in the
    library's 250, a flood is what is normal. What is refused is not learnt, as `QuantileFilter` has it by default.
    """
    from river.anomaly import HalfSpaceTrees, QuantileFilter  # noqa: PLC0415 - may be missing

    encoder = Encoder(Vocabulary(accesses))
    detector: _Detector = QuantileFilter(
        HalfSpaceTrees(n_trees=25, window_size=_hour_from(accesses, 0), seed=SEED), q=1 - FALSE_ALARMS
    )
    values, refused = [], []
    begun = perf_counter()
    for access in accesses:
        vector = dict(enumerate(encoder.encode([access])[0].tolist()))
        value = detector.score_one(vector)
        values.append(value)
        refused.append(detector.classify(value))
        detector.learn_one(vector)
    seconds = perf_counter() - begun
    return Run(av=np.array(values), refused=np.array(refused, dtype=bool), seconds=seconds, state=_size(detector))


def isolation_forest(accesses: Sequence[Access]) -> Run:
    """Fit on the first hour, then on everything it did not refuse, once an hour; judge an hour at a time.

    The first hour is forwarded. What it was fitted on is part of its state, since it is fitted again. Judging in
    batches flatters its time: one access at a time costs it milliseconds.
    """
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - may be missing

    begun = perf_counter()
    vectors = Encoder(Vocabulary(accesses)).encode(accesses)
    values, refused = np.zeros(len(accesses)), np.zeros(len(accesses), dtype=bool)
    forest = IsolationForest(contamination=FALSE_ALARMS, random_state=SEED)
    start = first = _hour_from(accesses, 0)
    while first < len(accesses):
        known = vectors[:first]
        forest.fit(known[~refused[:first]])
        end = _hour_from(accesses, first)
        values[first:end] = -forest.score_samples(vectors[first:end])
        refused[first:end] = values[first:end] > -forest.offset_
        first = end
    seconds = perf_counter() - begun
    values[:start] = values[start:].min(initial=0.0)
    return Run(av=values, refused=refused, seconds=seconds, state=_size(forest) + vectors.nbytes)


def _hour_from(accesses: Sequence[Access], first: int) -> int:
    """Return the index of the first access that is an hour or more behind access `first`; their number if none is."""
    end = accesses[first].time + HOUR
    return next((index for index in range(first, len(accesses)) if accesses[index].time >= end), len(accesses))


def _size(state: object) -> int:
    return len(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL))
