from __future__ import annotations

import pytest

from models import allowance
from models import knowledge as module
from models.allowance import Size
from models.analyzer import Analyzer
from models.candidates import Candidate
from models.communication_model import CommunicationModel
from models.descriptor import Descriptor
from models.exchange.shared import Others, Shared
from models.knowledge import Knowledge
from models.normal_form import ESTABLISHED
from models.relationship import Key, Relationship, key_of
from tests.models.accesses import MINUTE, START, access, teach

BEGIN = START // MINUTE
READ = Key("/movement", own=False, operation="get", data_type="/derived/boolean")
POISON = Key("/lock", own=False, operation="set", data_type="/basic/text")
NEW = Candidate("/light", "relationship", POISON)


def minutes(count: int, *keys: Key, begin: int = BEGIN, every: int = 1) -> list[Descriptor]:
    """One instance's descriptors, with one access of each key in every `every`th minute."""
    found = []
    for index in range(count):
        relationships = {}
        if index % every == 0:
            for key in keys:
                relationship = relationships[key] = Relationship(weight=1)
                relationship.fast.observe(1000, begin + index)
        found.append(Descriptor(service_type="/light", minute=begin + index, relationships=relationships))
    return found


def three_sites(*, poisoned: int = 60, every: int = 1, also: str | None = None) -> Knowledge:
    knowledge = Knowledge()
    for site in ("home", "office", "plant"):
        knowledge.fold(minutes(120, READ), site)
    knowledge.fold(minutes(poisoned, POISON, every=every), "home")
    if also is not None:
        knowledge.fold(minutes(2, POISON), also)
    knowledge.read()
    return knowledge


def sor(knowledge: Knowledge, key: Key) -> float:
    form = knowledge.form("/light")
    assert form is not None
    return form.norm(key).sor


def test_what_one_subverted_site_taught_weighs_nothing() -> None:
    assert sor(three_sites(), POISON) == sor(three_sites(), Key("/never", own=False, operation="get", data_type=""))
    assert sor(three_sites(), READ) < 1


def test_what_a_second_site_shows_as_well_counts() -> None:
    assert sor(three_sites(also="office"), POISON) < 1


def test_what_one_site_does_for_a_day_is_its_own_way() -> None:
    assert sor(three_sites(poisoned=4 * ESTABLISHED, every=10), POISON) < 1


def test_two_sites_cannot_outvote_each_other() -> None:
    knowledge = Knowledge()
    knowledge.fold(minutes(120, READ), "home")
    knowledge.fold(minutes(120, POISON), "office")
    knowledge.read()
    assert sor(knowledge, POISON) < 1


def test_corroborated_candidate_is_accepted_at_once() -> None:
    knowledge = three_sites(poisoned=0)
    knowledge.see(NEW, "home", "/agent1/light1", START)
    assert knowledge.deliberate(START) == []
    knowledge.see(NEW, "office", "/agent2/light1", START + MINUTE)
    assert knowledge.deliberate(START + MINUTE) == [NEW]
    form = knowledge.form("/light")
    assert form is not None
    assert form.accepts("relationship", POISON)
    knowledge.read()
    form = knowledge.form("/light")
    assert form is not None
    assert form.accepts("relationship", POISON)
    assert not form.accepts("relationship", READ)


def test_human_has_the_last_word() -> None:
    knowledge = three_sites(poisoned=0)
    knowledge.answer(NEW, allowed=False, now=START)
    for site in ("home", "office", "plant"):
        knowledge.see(NEW, site, "/agent1/light1", START)
    assert knowledge.deliberate(START) == []
    knowledge.answer(NEW, allowed=True, now=START)
    form = knowledge.form("/light")
    assert form is not None
    assert form.accepts("relationship", POISON)
    knowledge.answer(NEW, allowed=False, now=START)
    assert not form.accepts("relationship", POISON)


def test_isolated_site_counts_its_own_instances() -> None:
    knowledge = Knowledge()
    knowledge.fold([each for _ in range(3) for each in minutes(1, READ)], "home")
    for index in range(30):
        for instance in ("a", "b"):
            knowledge.see(NEW, "home", instance, START + 20_000 * index)
    assert knowledge.deliberate(START + 30 * 20_000) == [NEW]


def test_type_that_lives_in_one_site_of_many_is_as_alone_as_an_isolated_site() -> None:
    knowledge = three_sites(poisoned=0)
    phone = NEW._replace(service_type="/phone")
    found = Descriptor(service_type="/phone", minute=BEGIN, relationships={})
    knowledge.fold([found] * 3, "home")
    for time in (START, START + 60 * MINUTE):
        for instance in ("a", "b"):
            knowledge.see(phone, "home", instance, time)
            knowledge.see(NEW, "home", instance, time)
    assert knowledge.deliberate(START + 60 * MINUTE) == [phone]


def test_knowledge_outlives_storage() -> None:
    knowledge = three_sites(also="office")
    knowledge.see(NEW._replace(detail="open"), "home", "/agent1/light1", START)
    knowledge.answer(NEW, allowed=True, now=START)
    again = Knowledge.restored(knowledge.state())
    again.read()
    assert again.state() == knowledge.state()
    assert sor(again, POISON) == sor(knowledge, POISON)
    assert again.answers == knowledge.answers


def test_refused_access_of_an_analyzer_becomes_a_candidate() -> None:
    analyzer = Analyzer()
    for instance in range(3):
        teach(analyzer, *[access(START + 20_000 * index, source=f"/agent1/light{instance}") for index in range(200)])
    begin = START + 200 * 20_000
    answers = []
    for index in range(60):
        analyzer.advance(begin + 20_000 * index)
        for instance in range(2):
            new = access(
                begin + 20_000 * index,
                source=f"/agent1/light{instance}",
                destination="/agent1/tempin1",
                destination_type="/sensor",
                data_type="/basic/number",
            )
            score = analyzer.score(new)
            answers.append(score.av < 7)
            if answers[-1]:
                analyzer.learn(new)
            else:
                analyzer.refused(new, score, 7)
    assert not any(answers[:10])
    assert all(answers[-20:])
    assert Candidate("/light", "relationship", key_of(new)) in analyzer.knowledge.answers


def test_flood_never_becomes_a_candidate() -> None:
    analyzer = Analyzer()
    teach(analyzer, *[access(START + 20_000 * index) for index in range(200)])
    for index in range(1000):
        flood = access(START + 200 * 20_000 + index)
        score = analyzer.score(flood)
        if score.av >= 7:
            analyzer.refused(flood, score, 7)
    assert list(analyzer.knowledge.state().open) == []


def test_answers_without_end_do_not_push_out_what_a_human_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ACCEPTED", 10)
    knowledge = Knowledge()
    knowledge.answer(NEW, allowed=False, now=START)
    for index in range(50):
        knowledge.answer(NEW._replace(detail=str(index)), allowed=True, now=START, human=False)
    assert len(knowledge.answers) == 10
    assert not knowledge.answers[NEW].allowed


def test_types_without_end_leave_the_knowledge_bounded() -> None:
    knowledge = Knowledge()
    for index in range(module.MAX_MODELS + 50):
        knowledge.fold([Descriptor(service_type=f"/type{index}", minute=BEGIN)], "home")
    assert len(knowledge.models) == len(knowledge.state().population) == module.MAX_MODELS


def test_what_was_learnt_elsewhere_is_known_but_vouches_for_nothing_new() -> None:
    """A starter model keeps what several sites showed, drops what one subverted did, and has no site of its own."""
    starter = three_sites().as_starter()
    assert sor(starter, READ) < 1
    assert sor(starter, POISON) == sor(three_sites(), POISON)
    starter.fold(minutes(30, NEW.key), "here")
    starter.read()
    assert sor(starter, NEW.key) < 1  # a single site need not ask those that are heard no more


def test_starter_does_not_object_to_an_update_of_the_only_site() -> None:
    starter = three_sites().as_starter()
    starter.fold(minutes(5, READ) + minutes(5, READ), "here")
    for turn in range(10):
        for instance in ("/agent1/light1", "/agent1/light2"):
            starter.see(NEW, "here", instance, START + turn * MINUTE)
    assert starter.deliberate(START + 10 * MINUTE) == [NEW]


def test_starter_of_a_starter_is_the_same() -> None:
    once = three_sites().as_starter()
    assert once.as_starter().models == once.models


def test_instances_of_a_type_are_those_of_all_sites_in_their_latest_minute() -> None:
    knowledge = Knowledge()
    for site in ("home", "office"):
        knowledge.fold(minutes(2, READ), site)
    assert knowledge.instances("/light") == 2
    assert knowledge.instances("/none") == 0


def vouched(sites: int, service_type: str, weight: int = 5, relationships: int = 0) -> Others:
    keys = [Key(f"/partner{number}", own=False, operation="get", data_type="") for number in range(relationships)]
    model = CommunicationModel(
        service_type=service_type, weight=weight, relationships={key: Relationship(weight=1) for key in keys}
    )
    return Others(elsewhere=Shared(version="0", origins=sites, supporters=dict.fromkeys(keys, 1), model=model))


def test_types_that_only_others_know_push_out_none_that_lives_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MODELS", 3)
    knowledge = Knowledge()
    knowledge.fold(minutes(1, READ))
    for number in (5, 7, 6, 4):
        knowledge.adopt(f"/type{number}", vouched(number, f"/type{number}"))
    assert sorted(knowledge.models) == ["/light", "/type6", "/type7"], "of most sites, whatever their order"
    knowledge.fold([Descriptor(service_type="/phone", minute=BEGIN)])
    knowledge.read()
    assert sorted(knowledge.models) == ["/light", "/phone", "/type7"]
    assert knowledge.form("/type6") is None
    knowledge.adopt("/type9", None)
    assert len(knowledge.models) == 3


def test_what_one_origin_claims_pushes_out_nothing_that_more_sites_have() -> None:
    knowledge = Knowledge()
    for number in range(20):
        knowledge.adopt(f"/honest{number}", vouched(3, f"/honest{number}", relationships=10))
    for number in range(module.MAX_MODELS):
        knowledge.adopt(f"/evil{number}x", vouched(1, f"/evil{number}x", weight=100_000, relationships=256))
        knowledge.adopt(f"/evil{number}x", vouched(1, f"/evil{number}x", weight=200_000, relationships=256))
    assert sum(name.startswith("/honest") for name in knowledge.models) == 20


def test_what_is_adopted_is_bounded_and_what_lives_here_has_its_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "ALL", Size(64, 10_000))
    knowledge = Knowledge()
    for number in range(20):
        knowledge.adopt(f"/type{number}", vouched(3, f"/type{number}", relationships=16))
    assert len(knowledge.models) == 4
    knowledge.fold(minutes(1, READ))
    adopted = knowledge.adopt("/light", vouched(2, "/light", relationships=1000))
    assert allowance.size(adopted).relationships == 64
    assert list(knowledge.models) == ["/light"], "it has the room of all that do not live here"
    assert knowledge.adopt("/type0", vouched(3, "/type0", relationships=1)) is None


def test_a_copy_that_follows_what_was_adopted_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "ALL", Size(100, 600))
    original, copy = Knowledge(), Knowledge()
    for number in (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7):
        name = f"/type{number}"
        told = vouched(number, name, relationships=20 * number)
        for each in (original, copy):
            if number == 5:
                each.fold([Descriptor(service_type=name, minute=BEGIN)])
        copy.adopt(name, original.adopt(name, told))
        later = Knowledge.restored(original.state())
        assert {name: each.model for name, each in copy.types.items()} == original.models == later.models


def test_a_starter_has_what_others_told_too() -> None:
    knowledge = three_sites(poisoned=0)
    model = three_sites().models["/light"]
    supporters = dict.fromkeys(model.relationships, 1)
    told = Shared(version="0", origins=1, supporters=supporters, model=model)
    knowledge.adopt("/light", Others(elsewhere=told))
    assert sor(knowledge, READ) == sor(knowledge.as_starter(), READ) < 1
    assert POISON not in knowledge.as_starter().models["/light"].relationships, "only one site shows it"


def test_an_answer_that_gave_way_is_unusual_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ACCEPTED", 1)
    knowledge = three_sites(poisoned=0)
    for candidate in (NEW, NEW._replace(service_type="/phone")):
        knowledge.answer(candidate, allowed=True, now=START, human=False)
    knowledge.read()
    form = knowledge.form("/light")
    assert form is not None
    assert not form.accepts("relationship", POISON)
