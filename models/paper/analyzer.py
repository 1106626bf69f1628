"""The paper's node-local analysis: scores accesses, learns from those it is given, closes the minutes of event time.

The paper learns everything it sees. What this analyzer sees is what `learn` is given: all of a trace in an evaluation
(`proxy.evaluation.paper`), but live not what the gateway refused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from models.access import Access
from models.categorical import room
from models.descriptor import LATE, LONGEST, MINUTE
from models.paper.anomaly import UNSCORED, Features, assess
from models.paper.codec import PaperState, decode, encode
from models.paper.communication_model import CommunicationModel, Descriptor
from models.paper.flow import Flow
from models.paper.instance import MAX_FLOWS, Instance
from models.paper.normal_form import NormalForm
from models.score import Score

MAX_MODEL_WEIGHT = 100
"""The paper's maxModelWeight, which it does not give: 100 was the most accurate of those that were tried
(docs/models.md), and no AV exceeds it, so that the policy's scale of thresholds holds."""
MAX_INSTANCES = 2048
"""Instances that are remembered; the one that was silent longest gives way, but never to one of unknown type."""
MAX_ALL_FLOWS = 16_384
"""Flows of all instances together; with full windows of gaps about 40 MB."""
MAX_MODELS = 256
"""Service types. The model of least weight gives way."""


class PaperAnalyzer:
    """Keeps the paper's communication models, and what must be remembered of the instances on one node.

    The same surface as `models.analyzer.Analyzer`. Not thread-safe; used from one thread.
    """

    def __init__(self, *, origin: str = "node", max_model_weight: int = MAX_MODEL_WEIGHT) -> None:
        """Start with nothing known.

        Args:
            origin: Names the contributor of what is learnt here.
            max_model_weight: The paper's maxModelWeight, in descriptors.
        """
        self._origin = origin
        self._most = max_model_weight
        self._newest = 0
        self._minute: int | None = None
        self._resumed = False
        self._instances: OrderedDict[str, Instance] = OrderedDict()
        self._flows = 0
        self._models: dict[str, CommunicationModel] = {}
        self._forms: dict[str, NormalForm] = {}

    @property
    def newest(self) -> int:
        """Newest event time that was seen, in ms since the epoch; 0 for none."""
        return self._newest

    def score(self, access: Access) -> Score:
        """Return how unusual an access is, and take its time into the window of its flow, whatever becomes of it.

        Services of unknown type share a model of their own, as the paper's models run with any subset of the features.
        """
        located = self._locate(access)
        if located is None:
            return UNSCORED
        instance, flow = located
        gap = flow.hit(access.time)
        form = self._forms.get(instance.service_type)
        if form is None:
            return UNSCORED
        features = Features(
            partner=access.destination_type or "",
            partners=instance.partners_with(access),
            room=room(access.source_location, access.destination_location),
            operation=access.operation.value,
            data_type=access.data_type,
            gap=gap,
        )
        return assess(form, features, flow.group(form.norm(features.partner), features.operation))

    def learn(self, access: Access) -> None:
        """Let an access teach its instance's descriptor of this minute. Models change when it closes (`advance`)."""
        located = self._locate(access)
        if located is not None:
            instance, flow = located
            instance.learn(access, flow)

    def refused(self, access: Access, score: Score, threshold: float) -> None:
        """Note an access that was refused: to the paper it is nothing special."""

    def register(self, address: str, service_type: str, time: int) -> None:
        """Make an instance known: its minutes count, also those in which it does nothing.

        May be repeated. When there is no room, whoever has been heard of stays.

        Args:
            address: Service instance address.
            service_type: Its type.
            time: Event time, ms.
        """
        self._note(time)
        present = self._instances.get(address)
        if present is not None and present.service_type == service_type:
            present.known = True
        elif present is not None or self._has_room():
            self._instance(address, service_type).known = True

    def advance(self, time: int) -> list[Descriptor]:
        """Let event time pass: close the minutes that are over, and fold their descriptors into the models.

        Args:
            time: Event time, ms.

        Returns:
            One descriptor per known instance and minute, those of idle minutes in a row put together; nothing while
            the minute lasts. The time that passed before an analyzer was loaded was not observed and does not count.
        """
        self._note(time)
        now = time // MINUTE
        begun = self._minute
        if begun is None or now == begun:
            return []
        if now < begun and not self._resumed:
            if begun - now > LATE:
                self._minute, self._newest = now, time
            return []
        idle = 0 if self._resumed else min(now - begun, LONGEST) - 1
        self._resumed = False
        self._minute = now
        descriptors = []
        for instance in self._instances.values():
            if instance.known:
                descriptors.append(instance.close(begun))
                if idle:
                    descriptors.append(Descriptor(service_type=instance.service_type, minutes=idle))
        for descriptor in descriptors:
            self._model(descriptor.service_type).fold(descriptor)
        self._read_models()
        return descriptors

    def models(self) -> Mapping[str, CommunicationModel]:
        """Return the models by service type, as of the last closed minute. They go on changing."""
        return self._models

    def dump(self) -> bytes:
        """Return everything that is remembered, the minute under way included."""
        return encode(
            PaperState(
                origin=self._origin,
                newest=self._newest,
                minute=self._minute,
                models=list(self._models.values()),
                instances=[instance.state(address) for address, instance in self._instances.items()],
            )
        )

    @classmethod
    def load(cls, data: bytes, *, max_model_weight: int = MAX_MODEL_WEIGHT) -> PaperAnalyzer:
        """Return the analyzer that was dumped; maxModelWeight concerns reading only, so it is not part of that.

        Raises:
            ValueError: the bytes are of something else, of another version, or damaged.
        """
        state = decode(data)
        analyzer = cls(origin=state.origin, max_model_weight=max_model_weight)
        analyzer._newest = state.newest
        analyzer._minute = state.minute
        analyzer._resumed = True
        analyzer._models = {model.service_type: model for model in state.models}
        for each in state.instances:
            instance = analyzer._instances[each.address] = Instance.restored(each)
            analyzer._flows += instance.flows
        analyzer._read_models()
        return analyzer

    def _note(self, time: int) -> None:
        self._newest = max(self._newest, time)
        if self._minute is None:
            self._minute = time // MINUTE

    def _locate(self, access: Access) -> tuple[Instance, Flow] | None:
        """Return the instance and the flow of an access; None for a stranger that there is no room for."""
        if access.source_type is None and access.source not in self._instances and not self._has_free_room():
            return None
        self._note(access.time)
        instance = self._instance(access.source, access.source_type or "")
        before = instance.flows
        flow = instance.flow(access, most=MAX_FLOWS if self._flows < MAX_ALL_FLOWS else max(1, before))
        if instance.flows > before:
            self._flows += 1
            if self._flows > MAX_ALL_FLOWS:
                self._drop_flow(instance)
        return instance, flow

    def _has_free_room(self) -> bool:
        return len(self._instances) < MAX_INSTANCES

    def _has_room(self) -> bool:
        """Whether a registration finds a place: a free one, or that of the most silent if it was never known."""
        return self._has_free_room() or not next(iter(self._instances.values())).known

    def _instance(self, address: str, service_type: str) -> Instance:
        instance = self._instances.get(address)
        if instance is not None and instance.service_type == service_type:
            self._instances.move_to_end(address)
            return instance
        if instance is not None:
            self._flows -= instance.flows
        elif not self._has_free_room():
            _, silent = self._instances.popitem(last=False)
            self._flows -= silent.flows
        instance = self._instances[address] = Instance(service_type)
        self._instances.move_to_end(address)
        return instance

    def _drop_flow(self, spared: Instance) -> None:
        """Forget a flow of the instance that was silent longest, to make room for the first one of another."""
        for instance in self._instances.values():
            if instance.flows and instance is not spared:
                instance.drop_flow()
                self._flows -= 1
                return

    def _model(self, service_type: str) -> CommunicationModel:
        model = self._models.get(service_type)
        if model is None:
            if len(self._models) >= MAX_MODELS:
                weakest = min(self._models.values(), key=lambda each: each.weight)
                del self._models[weakest.service_type]
            model = self._models[service_type] = CommunicationModel(service_type=service_type)
        return model

    def _read_models(self) -> None:
        now = self._minute or 0
        self._forms = {
            service_type: NormalForm(model, origin=self._origin, most=self._most, now=now)
            for service_type, model in self._models.items()
        }
