"""The paper to the letter as something that can be evaluated: one model per service type for the whole trace."""

from __future__ import annotations

from models.access import Access
from models.paper.analyzer import MAX_MODEL_WEIGHT, PaperAnalyzer
from policy.document import PolicyDocument
from proxy.evaluation.subject import Judgement

THRESHOLD = 5.0
"""AV from which on an access counts as refused. The paper gives none; in hindsight this one gave the best accuracy on
the public data set (docs/models.md), so its figures flatter the paper."""


class PaperSubject:
    """Judges accesses by the paper, and learns every one of them: also what it would have refused (section III).

    That differs from a gateway with `scoring: paper`, whose engine does not let teach what was refused.
    """

    def __init__(
        self,
        policy: PolicyDocument | None = None,
        *,
        max_model_weight: int = MAX_MODEL_WEIGHT,
        threshold: float | None = None,
    ) -> None:
        """Start with nothing known.

        Args:
            policy: Gives the threshold where it names one (`thresholds.block`), also per service type.
            max_model_weight: The paper's maxModelWeight, in descriptors.
            threshold: Of all service types, whatever the policy says.
        """
        self._policy = policy or PolicyDocument()
        self._threshold = threshold
        self._analyzer = PaperAnalyzer(max_model_weight=max_model_weight)

    def judge(self, access: Access) -> Judgement:
        """Judge one access, then learn it, refused or not."""
        self._analyzer.advance(access.time)
        score = self._analyzer.score(access)
        self._analyzer.learn(access)
        return Judgement(score.av, refused=score.av >= self._block(access.source_type))

    def _block(self, service_type: str | None) -> float:
        if self._threshold is not None:
            return self._threshold
        override = self._policy.service_types.get(service_type or "")
        if override is not None and override.thresholds.block is not None:
            return override.thresholds.block
        thresholds = self._policy.thresholds
        return thresholds.block if "block" in thresholds.model_fields_set else THRESHOLD
