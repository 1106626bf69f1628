"""Two nodes with a real service in between: what one learnt the other's workers score by; nothing of it can hurt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from models.candidates import Candidate
from models.exchange.shared import Others, Shared
from models.node import REPORT
from models.relationship import key_of
from models.replica import Sighting, decode
from policy.document import Scoring
from proxy.audit.event import Detail, Kind
from proxy.clocks import real_now
from proxy.configuration import GatewayDocument, load_gateway
from proxy.control.messages import NewPin
from proxy.control.refusal import NotDone
from proxy.federation.client import pace
from proxy.federation.client.enrolment import enrol
from proxy.federation.client.link import FederationLink
from proxy.supervisor.federation import Federation, NodeEnds
from proxy.supervisor.node_models import NodeModels, node_models
from tests.models.accesses import MINUTE, START, access, teach
from tests.proxy.federation.client.origin import url
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Place
from tests.proxy.parts import plain_settings, write_settings
from tests.waiting import until

LIGHT = "/light"
CAMERA = "/inferred/camera"


@dataclass
class Gateway:
    """What of a supervisor a federation needs, and one worker that follows."""

    document: GatewayDocument
    notes: list[tuple[Kind, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    stored: int = 0
    models: NodeModels = field(default_factory=lambda: node_models(Scoring.ALLEYES, None))

    def __post_init__(self) -> None:
        self.worker = Analyzer.load(self.models.dump(), replica=True)
        self.models.join(0)
        ends = NodeEnds(self.models, self.follow, self.changed, self)
        self.federation = Federation.of(self.document, ends, real_now, lambda place, _: self.broken.append(place))

    def note(self, kind: Kind, sentence: str, **_details: Detail) -> None:
        self.notes.append((kind, sentence))

    def changed(self) -> None:
        self.stored += 1

    def follow(self, steps: Sequence[bytes]) -> None:
        for step in steps:
            self.worker.follow(decode(step))

    def live(self, minutes: int, first: int = 0) -> None:
        """Have a light look for movement every minute."""
        for minute in range(first, first + minutes):
            teach(self.worker, access(START + minute * MINUTE))
            report = self.worker.report(START + (minute + 1) * MINUTE)
            if report is not None:
                self.follow(self.models.minute(0, REPORT.encode(report), 0.0))

    @property
    def known(self) -> int:
        """Instance-minutes of lights that the worker scores by."""
        found = self.worker.models().get(LIGHT)
        return 0 if found is None else found.weight


def gateway(directory: Path, place: Place, name: str) -> Gateway:
    directory.mkdir()
    settings = plain_settings(state_directory="state", federation={"service": url(place)})
    document = load_gateway(write_settings(directory, settings))
    document.state_directory.mkdir()
    assert document.federation is not None
    asyncio.run(enrol(url(place), place.invite(name), document.federation.directory))
    return Gateway(document)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Place, Gateway, Gateway]:
    place = Place(tmp_path / "service")
    with place.serving():
        made = [gateway(tmp_path / name, place, name) for name in ("one", "other")]
    return place, made[0], made[1]


async def test_what_one_node_learnt_the_other_s_workers_score_by(
    pair: tuple[Place, Gateway, Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MOST_SECONDS", 0.5)  # nothing happens on the other node, so its event time stands
    place, one, other = pair
    one.live(6)
    learnt = one.known
    assert learnt > 0 == other.known
    other.live(3, first=100)
    learnt += other.known
    with place.serving():
        for each in pair[1:]:
            each.federation.start()
        await until(lambda: other.known == learnt)
        assert other.stored > 0, "it is stored with the models"
        assert [each.weight for each in other.models.contributions()] == [3], "nothing of it is told on"
        await until(lambda: one.known == learnt)  # and not more: nobody is told what it said itself

        await until(lambda: _newest(other) != "")
        status = other.federation.status()
        assert status is not None
        first = status.models[LIGHT].version
        made = await other.federation.pin(NewPin(service_type=LIGHT, version="1"), "root (uid 0)")
        assert (made.version, made.pinned) == (first, True)
        one.live(6, first=10)
        await until(lambda: _newest(other) not in {"", first})
        assert other.known == learnt, "newer versions are not used"
        await other.federation.unpin(LIGHT, "root (uid 0)")
        assert other.known > learnt
        for each in pair[1:]:
            await each.federation.stop()
    assert [kind for kind, _ in other.notes] == [Kind.FEDERATION] * 2
    assert f"Version {first} of what others know of /light is pinned by root (uid 0)" in other.notes[0][1]
    assert "no longer pinned, says root (uid 0)" in other.notes[1][1]
    assert one.broken == other.broken == []


def _newest(gateway: Gateway) -> str:
    status = gateway.federation.status()
    return "" if status is None or LIGHT not in status.models else status.models[LIGHT].newest


async def test_what_cannot_be_pinned_is_told_with_the_remedy(pair: tuple[Place, Gateway, Gateway]) -> None:
    _, one, _ = pair
    for service_type, version in ((LIGHT, "1"), ("/\x1b", "1"), ("", "1")):
        with pytest.raises(NotDone) as refused:
            await one.federation.pin(NewPin(service_type=service_type, version=version), "root")
        assert refused.value.status in {400, 404}
        assert refused.value.remedy
    with pytest.raises(NotDone, match="no version of /light is pinned"):
        await one.federation.unpin(LIGHT, "root")
    await one.federation._required(LIGHT)._disk.close()


async def test_a_defect_of_the_link_ends_nothing_else(
    pair: tuple[Place, Gateway, Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, one, _ = pair

    async def fail(_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(FederationLink, "forever", fail)
    one.federation.start()
    await until(lambda: one.broken == ["federation"])
    await one.federation.stop()


async def test_without_a_federation_nothing_is_done(tmp_path: Path) -> None:
    alone = Gateway(load_gateway(write_settings(tmp_path, plain_settings(state_directory="state"))))
    alone.federation.start()
    assert alone.federation.status() is None
    with pytest.raises(NotDone, match="shares its models with nobody"):
        await alone.federation.pin(NewPin(service_type=LIGHT, version="1"), "root")
    await alone.federation.stop()
    assert not (tmp_path / "state").exists()


async def test_what_the_others_have_no_more_is_put_on_record(tmp_path: Path) -> None:
    alone = Gateway(load_gateway(write_settings(tmp_path, plain_settings(state_directory="state"))))
    ends = NodeEnds(alone.models, alone.follow, alone.changed, alone)
    ends.adopt(LIGHT, None)
    ((kind, sentence),) = alone.notes
    assert kind is Kind.FEDERATION
    assert sentence.startswith("Others have nothing of service type /light any more")


async def test_what_one_site_made_up_is_not_used_where_it_does_not_live_and_that_is_said(tmp_path: Path) -> None:
    document = load_gateway(
        write_settings(tmp_path, plain_settings(state_directory="state", federation={"service": "https://127.0.0.1:1"}))
    )
    alone = Gateway(document)
    ends = NodeEnds(alone.models, alone.follow, alone.changed, alone)
    federation = Federation.of(document, ends, real_now, lambda *_: None)
    model = learnt(LIGHT, weight=5).model
    supporters = dict.fromkeys(model.relationships, 1)
    told = Shared(version="a", origins=1, supporters=supporters, model=model)
    ends.adopt(LIGHT, Others(elsewhere=told))
    assert alone.known == alone.stored == 0
    status = federation.status()
    assert status is not None
    assert "is not used: it does not live here" in status.cut[LIGHT]
    alone.live(3)
    ends.adopt(LIGHT, Others(elsewhere=told))
    ends.adopt(LIGHT, Others(elsewhere=told))
    assert (alone.known, alone.stored) == (3 + 5, 1), "a second time changes nothing"
    status = federation.status()
    assert status is not None
    assert status.cut == {}


async def test_inferred_types_stay_on_the_site(tmp_path: Path) -> None:
    document = load_gateway(write_settings(tmp_path, plain_settings(state_directory="state")))
    alone = Gateway(document)
    alone.models.federate()
    ends = NodeEnds(alone.models, alone.follow, alone.changed, alone)
    alone.models.hear()
    new = key_of(access(START, destination_type="/door"))
    for minute in range(10):
        for kind in (LIGHT, CAMERA):
            teach(alone.worker, access(START + minute * MINUTE, source=f"/agent1{kind}1", source_type=kind))
        report = alone.worker.report(START + (minute + 1) * MINUTE)
        if report is not None:
            alone.follow(alone.models.minute(0, REPORT.encode(report), 0.0))
        for kind in (LIGHT, CAMERA):
            candidate = Candidate(kind, "relationship", new)
            alone.models.see([Sighting(candidate, f"/agent1{kind}1", START + minute * MINUTE)])
    assert {LIGHT, CAMERA} <= {model.service_type for model in alone.models.contributions()}
    assert [model.service_type for model in ends.contributions()] == [LIGHT]

    everything = alone.models.showings()
    shown = ends.showings()
    assert CAMERA in everything.instances
    assert CAMERA in {each.candidate.service_type for each in everything.open}
    assert CAMERA not in shown.instances
    assert {each.candidate.service_type for each in shown.open} == {LIGHT}
    assert {name for name in everything.instances if name != CAMERA} == set(shown.instances)

    model = learnt(CAMERA, weight=5).model
    told = Shared(version="a", origins=1, supporters=dict.fromkeys(model.relationships, 1), model=model)
    stored = alone.stored
    ends.adopt(CAMERA, Others(elsewhere=told))
    ends.adopt(CAMERA, None)
    assert (alone.stored, alone.notes) == (stored, []), "nobody else knows what was inferred here"
