"""A service without sockets and disk."""

from __future__ import annotations

import pytest

from models.candidates import Candidate
from models.descriptor import MINUTE
from models.exchange.envelope import BadContribution, decode_others
from models.exchange.showings import Showing, Showings
from models.relationship import Key
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER
from proxy.evaluation.federated.convergence import contribute
from proxy.evaluation.federated.service import Service
from proxy.evaluation.federated.site import HOUR
from tests.proxy.evaluation.federated.small import site

END = START + HOUR
NOW = END // MINUTE


def served(*numbers: int) -> Service:
    service = Service()
    for number in numbers:
        contribute(service, site(number), END)
    return service


def test_nobody_is_told_of_the_own_contribution() -> None:
    service = served(1, 2)
    told = service.tell("site1", LIGHT_CONTROLLER, None)
    assert told is not None
    shared = decode_others(LIGHT_CONTROLLER, told.data, now_minute=NOW).elsewhere
    assert shared is not None
    assert shared.origins == 1
    assert shared.model == site(2).learn(END).models()[LIGHT_CONTROLLER]


def test_what_is_known_is_not_told_again() -> None:
    service = served(1, 2)
    told = service.tell("site1", LIGHT_CONTROLLER, None)
    assert told is not None
    assert service.tell("site1", LIGHT_CONTROLLER, told.version) is None


def test_an_origin_that_was_taken_out_leaves_nothing() -> None:
    service = served(1, 2, 3)
    service.remove("site3")
    assert not service.admits("site3")
    assert service.admits("site2")
    for name in service.types:
        assert service.pool(name).total == served(1, 2).pool(name).total


def test_what_too_few_are_left_to_vouch_for_is_taken_back_once() -> None:
    service = Service()
    key = Key("/cloud", own=False, operation="set", data_type="/basic/text")
    shown = Showing(candidate=Candidate("/light", "relationship", key), recent=1, persistent=0, onset=END, last=END)
    for name in ("site1", "site2", "site3"):
        service.show(name, Showings(instances={"/light": 1}, open=[shown]))
    assert [each.candidate for each in service.decide(END)] == [shown.candidate]
    service.remove("site1")
    assert service.taken_back() == []
    service.remove("site2")
    assert service.taken_back() == [shown.candidate]
    assert service.taken_back() == []
    assert list(service.decide(END)) == []


def test_those_who_are_left_alone_are_told_so() -> None:
    service = served(1, 2)
    before = service.tell("site1", LIGHT_CONTROLLER, None)
    assert before is not None
    service.remove("site2")
    after = service.tell("site1", LIGHT_CONTROLLER, before.version)
    assert after is not None
    assert decode_others(LIGHT_CONTROLLER, after.data, now_minute=NOW).elsewhere is None


def test_nonsense_is_not_merged() -> None:
    service = served(1)
    before = service.pool(LIGHT_CONTROLLER).version()
    with pytest.raises(BadContribution):
        service.put("site2", LIGHT_CONTROLLER, b"nonsense", END)
    assert service.pool(LIGHT_CONTROLLER).version() == before
