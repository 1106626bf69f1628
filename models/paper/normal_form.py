"""A communication model as scoring reads it, made anew when the model changes; nothing here is stored or exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.clustering_feature import ClusteringFeature
from models.paper.clusters import NumberCluster, category_clusters, number_clusters
from models.paper.communication_model import CommunicationModel
from models.paper.mining import TAU
from models.paper.relationship import Categories, Relationship
from models.paper.support import group_anomaly, support_of_access, support_of_model, support_of_relationship

type Question = tuple[str, str | int]


class Norm:
    """How one relationship normally looks. What depends on few values is answered once and remembered."""

    __slots__ = ("_answers", "_most", "_now", "_periods", "_relationship", "sor", "weight")

    def __init__(self, relationship: Relationship, *, model_weight: int, most: int, now: int) -> None:
        """Read a relationship; `most` is maxModelWeight, `now` in minutes since the epoch."""
        self.weight = relationship.weight
        self.sor = support_of_relationship(model_weight, relationship.weight, most)
        self._relationship = relationship
        self._most = most
        self._now = now
        self._answers: dict[Question, float] = {}
        self._periods: dict[str, tuple[NumberCluster, ...]] = {}

    def partners(self, count: int) -> float:
        """Return the SoA of having addressed `count` partners in this minute so far.

        The minute is not over: a count below a cluster's centre may still become that, and is no anomaly.
        """
        question = ("partners", count)
        answer = self._answers.get(question)
        if answer is None:
            clusters = number_clusters(self._relationship.partners.values(), self._now)
            answer = 0.0
            if clusters and count > clusters[-1].centre:
                answer = self._of_number(clusters[-1], clusters[-1].distance(count))
            self._answers[question] = answer
        return answer

    def location(self, room: str) -> float:
        """Return the SoA of a partner in the `same` or in an `other` room."""
        return self._of_category("location", self._relationship.rooms, room)

    def operation(self, operation: str) -> float:
        """Return the SoA of an operation."""
        return self._of_category("operation", self._relationship.operations, operation)

    def data_type(self, data_type: str) -> float:
        """Return the SoA of a data type."""
        return self._of_category("data_type", self._relationship.data_types, data_type)

    def interval(self, operation: str, gap: int) -> float:
        """Return the SoA of a time since the access before (ms); 0 where the operation has no periods."""
        clusters = self.periods(operation)
        if not clusters:
            return 0.0
        nearest = min(clusters, key=lambda each: each.distance(gap))
        return self._of_number(nearest, nearest.distance(gap))

    def group(self, operation: str, clusters: Sequence[ClusteringFeature]) -> float:
        """Return the group anomaly of a flow with these clusters of gaps."""
        points = sum(each.n for each in clusters)
        descriptor = [(each.mean, each.n / points) for each in clusters]
        return group_anomaly(self.periods(operation), descriptor, self._most)

    def periods(self, operation: str) -> tuple[NumberCluster, ...]:
        """Return the clusters of gaps of an operation, in ms, by rising centre."""
        found = self._periods.get(operation)
        if found is None:
            features = (each for (name, _), each in self._relationship.periods.items() if name == operation)
            found = self._periods[operation] = number_clusters(features, self._now, least=TAU / 100)
        return found

    def _of_number(self, nearest: NumberCluster, distance: float) -> float:
        return support_of_access(distance, nearest.std, self.weight, nearest.share, self._most)

    def _of_category(self, feature: str, sums: Mapping[Categories, ClusteringFeature], category: str) -> float:
        question = (feature, category)
        answer = self._answers.get(question)
        if answer is None:
            clusters = category_clusters(sums, self._now)
            answer = 0.0
            if clusters:
                nearest = min(clusters, key=lambda each: (each.distance(category), -each.weight))
                share = nearest.weight / sum(each.weight for each in clusters)
                answer = support_of_access(nearest.distance(category), nearest.std, self.weight, share, self._most)
            self._answers[question] = answer
        return answer


class NormalForm:
    """A model read at one moment."""

    __slots__ = ("_model", "_most", "_norms", "_now", "som", "unknown", "version", "weight")

    def __init__(self, model: CommunicationModel, *, origin: str, most: int, now: int) -> None:
        """Read a model; `most` is maxModelWeight, `now` in minutes since the epoch."""
        self.weight = model.weight
        self.som = support_of_model(model.weight, most)
        self.unknown = Norm(Relationship(), model_weight=model.weight, most=most, now=now)
        """What is normal for a relationship that the model does not have: nothing is known but that it is unusual."""
        # Every descriptor adds to the weight, so the weight tells the states of one origin's model apart.
        self.version = f"{origin}:{model.weight}"
        self._model = model
        self._most = most
        self._now = now
        self._norms: dict[str, Norm] = {}

    def norm(self, partner: str) -> Norm:
        """Return what is normal towards a type of partner."""
        found = self._norms.get(partner)
        if found is None:
            relationship = self._model.relationships.get(partner)
            if relationship is None:
                return self.unknown
            found = self._norms[partner] = Norm(relationship, model_weight=self.weight, most=self._most, now=self._now)
        return found
