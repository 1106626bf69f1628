"""The authors' rule set as something that can be evaluated: one model per service type for the whole trace."""

from __future__ import annotations

from models.access import Access, Operation
from proxy.evaluation.reference.categories import category_of_operation
from proxy.evaluation.reference.model import Model
from proxy.evaluation.reference.scoring import THRESHOLD, anomaly_value
from proxy.evaluation.reference.vertex import Vertex
from proxy.evaluation.subject import Judgement

MINUTE = 60_000


class ReferenceSubject:
    """Judges accesses as the authors' code does offline, with types and locations from the trace.

    * A service is watched from its registration on, under its id, the last segment of its address: the same id under
      another agent is the same service. Whoever has not registered is never refused.
    * Each minute of event time the descriptors are first merged into the models, and then made anew. So accesses of
      the minute count in the operations of the descriptor that is merged next.
    * Every access is learnt, refused or not.
    """

    def __init__(self) -> None:
        """Start without any service or model."""
        self._vertices: dict[str, Vertex] = {}
        self._models: dict[str, Model] = {}
        self._minute: int | None = None
        """Event time at which the minute under way began, in milliseconds."""

    def judge(self, access: Access) -> Judgement:
        """Judge one access, then learn it; the AV of an unwatched service is 0."""
        self._advance(access.time)
        vertex = self._vertex(access)
        if vertex is None:
            return Judgement(0.0, refused=False)
        av = 0.0
        if vertex.model is not None:
            new = access.node not in vertex.flows and access.destination not in vertex.partners
            av = anomaly_value(access, vertex.model, vertex.descriptor, partner_is_new=new)
            self._count_operation(vertex, access)
        vertex.record(access)
        return Judgement(av, refused=av >= THRESHOLD)

    def _vertex(self, access: Access) -> Vertex | None:
        service_id = access.source.rsplit("/", 1)[-1]
        if access.operation is Operation.REGISTER and service_id not in self._vertices:
            self._vertices[service_id] = Vertex(access.source_type)
        return self._vertices.get(service_id)

    @staticmethod
    def _count_operation(vertex: Vertex, access: Access) -> None:
        """Count the operation in the current descriptor, if that has the relationship."""
        local = vertex.descriptor.relationships.get(access.destination_type) if vertex.descriptor else None
        if local is not None:
            local.operations.observe(category_of_operation(access.operation))

    def _advance(self, now: int) -> None:
        """End the minute if it is over. The next one begins with this access, so a silent hour ends one minute.

        Time that steps back by more than a minute is another clock: else one stamp from the future would end all time.
        """
        if self._minute is None or now < self._minute - MINUTE:
            self._minute = now
        if now - self._minute < MINUTE:
            return
        self._minute = now
        for vertex in self._vertices.values():
            self._teach(vertex)
        for vertex in self._vertices.values():
            vertex.describe(now)

    def _teach(self, vertex: Vertex) -> None:
        """Merge a service's descriptor. The first of a type becomes the model, and its service is not judged yet."""
        if vertex.service_type is None or vertex.descriptor is None:
            return
        model = self._models.get(vertex.service_type)
        if model is None:
            self._models[vertex.service_type] = vertex.descriptor
        else:
            model.merge(vertex.descriptor)
            vertex.model = model
