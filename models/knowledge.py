"""What a group of analyzers knows together: models of all its sites, and what was accepted although it is new.

A single gateway is a group of one. Workers of one node, or the nodes of a federation after an exchange, know the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

from models.candidates import Candidate, Ledger, Sightings, agreed, corroborated
from models.communication_model import CommunicationModel
from models.contributions import STARTER, Contribution, Contributions
from models.descriptor import Descriptor
from models.normal_form import NormalForm, backed

HERE = "here"
"""The own site, where nobody tells sites apart."""
MAX_MODELS = 256
"""Service types. The model of least weight gives way."""
MAX_ACCEPTED = 4096
"""Answers that are remembered. The oldest that no human gave gives way: its relationship has long been learnt."""


class Answer(msgspec.Struct, frozen=True):
    """What was decided about a candidate."""

    allowed: bool
    since: int
    """Event time, ms."""
    human: bool
    """A human has the last word: no corroboration changes such an answer."""


class KnowledgeState(msgspec.Struct, frozen=True, kw_only=True):
    """Knowledge in storage."""

    origin: str
    contributions: dict[str, dict[str, Contribution]]
    """By service type, then by site."""
    population: list[tuple[str, str, int, int]]
    """Service type, site, minute since the epoch, instances known in it."""
    open: list[tuple[Candidate, Sightings]]
    answers: list[tuple[Candidate, Answer]]


class Knowledge:
    """Models, candidates and answers. Not thread-safe; used from one thread."""

    def __init__(self, *, origin: str = "node") -> None:
        """Start with nothing known; `origin` names the group in the versions of its models."""
        self.origin = origin
        self._contributions: dict[str, Contributions] = {}
        self._population: dict[tuple[str, str], tuple[int, int]] = {}
        self._ledger = Ledger()
        self._answers: dict[Candidate, Answer] = {}
        self._forms: dict[str, NormalForm] = {}

    @property
    def models(self) -> dict[str, CommunicationModel]:
        """The models by service type. They go on changing."""
        return {name: each.total for name, each in self._contributions.items()}

    @property
    def answers(self) -> Mapping[Candidate, Answer]:
        """What was decided about candidates, oldest first."""
        return self._answers

    def instances(self, service_type: str) -> int:
        """Return how many instances of a type did something, or were known to be idle, in its latest minute."""
        return sum(self._homes(service_type).values())

    def form(self, service_type: str) -> NormalForm | None:
        """Return the model of a type as of the last `read`; None where there is none."""
        return self._forms.get(service_type)

    def fold(self, descriptors: Iterable[Descriptor], site: str = HERE) -> None:
        """Add what the instances of a site did. Scoring sees it after the next `read`."""
        by_type: dict[str, list[Descriptor]] = {}
        for descriptor in descriptors:
            name = descriptor.service_type
            by_type.setdefault(name, []).append(descriptor)
            minute, count = self._population.get((name, site), (0, 0))
            count = count + 1 if minute == descriptor.minute else 1
            self._population[name, site] = descriptor.minute, count
        for name, found in by_type.items():
            self._contributions_of(name).fold(site, found)

    def read(self) -> None:
        """Let scoring see what was learnt."""
        accepted: dict[str, set[Candidate]] = {}
        for candidate, answer in self._answers.items():
            if answer.allowed:
                accepted.setdefault(candidate.service_type, set()).add(candidate)
        self._forms = {
            name: NormalForm(
                each.total,
                origin=self.origin,
                sites=each.origins,
                supporters=each.supporters,
                accepted=accepted.get(name, frozenset()),
            )
            for name, each in self._contributions.items()
        }

    def see(self, candidate: Candidate, site: str, instance: str, time: int) -> None:
        """Note that an instance showed a candidate and was refused; event time in ms."""
        if candidate not in self._answers:
            self._ledger.see(candidate, site, instance, time)

    def deliberate(self, now: int) -> list[Candidate]:
        """Accept what has been corroborated since; event time in ms. Scoring knows at once.

        Returns:
            What was accepted.
        """
        accepted = sorted(
            candidate for candidate, sightings in self._ledger.shown() if self._vouched(candidate, sightings, now)
        )
        for candidate in accepted:
            self.answer(candidate, allowed=True, now=now, human=False)
        self._ledger.forget(now)
        return accepted

    def answer(self, candidate: Candidate, *, allowed: bool, now: int, human: bool = True) -> None:
        """Decide about a candidate: from now on it is expected, or never will be by corroboration.

        Args:
            candidate: What was asked.
            allowed: The answer.
            now: Event time, ms.
            human: Whether a human gave it.
        """
        self._answers.pop(candidate, None)
        if len(self._answers) >= MAX_ACCEPTED:
            by_machine = (each for each, given in self._answers.items() if not given.human)
            del self._answers[next(by_machine, next(iter(self._answers)))]
        self._answers[candidate] = Answer(allowed, now, human)
        self._ledger.close([candidate])
        form = self._forms.get(candidate.service_type)
        if form is not None:
            form.decide(candidate, allowed=allowed)

    def state(self) -> KnowledgeState:
        """Return what is to be stored."""
        return KnowledgeState(
            origin=self.origin,
            contributions={name: dict(each) for name, each in self._contributions.items()},
            population=[(name, site, *found) for (name, site), found in self._population.items()],
            open=list(self._ledger.items()),
            answers=list(self._answers.items()),
        )

    @classmethod
    def restored(cls, state: KnowledgeState) -> Self:
        """Return the knowledge that was stored; call `read` before scoring.

        Raises:
            ValueError: a contribution is of another service type than it is filed under.
        """
        knowledge = cls(origin=state.origin)
        for name, by_site in state.contributions.items():
            contributions = knowledge._contributions_of(name)
            for site, contribution in by_site.items():
                contributions.put(site, contribution, cap=contribution.model.weight)
        knowledge._population = {(name, site): (minute, count) for name, site, minute, count in state.population}
        knowledge._ledger = Ledger(dict(state.open))
        knowledge._answers = dict(state.answers)
        return knowledge

    def as_starter(self) -> Knowledge:
        """Return what another place can begin with: the models and answers, but not the sites where they come from.

        Sites that are heard no more can neither vouch for anything nor object. What only one of several showed, and not
        for long enough (`normal_form.backed`), is left out.
        """
        starter = Knowledge(origin=self.origin)
        for name, each in self._contributions.items():
            total = each.total
            known = {
                key: relationship
                for key, relationship in total.relationships.items()
                if backed(relationship, sites=each.origins, supporters=each.supporters.get(key, 0))
            }
            model = msgspec.structs.replace(total, relationships=known)
            starter._contributions_of(name).put(STARTER, Contribution(epoch=0, sequence=0, model=model))
        starter._answers = dict(self._answers)
        starter.read()
        return starter

    def _vouched(self, candidate: Candidate, sightings: Sightings, now: int) -> bool:
        homes = self._homes(candidate.service_type)
        sites = homes.keys() | sightings.witnesses.keys()
        if len(sites) > 1:
            return corroborated(candidate, sightings, homes, now)
        site = next(iter(sites))
        return agreed(candidate, sightings, site, homes.get(site, 0), now)

    def _homes(self, service_type: str) -> dict[str, int]:
        """Return the sites where a type lives, and how many instances of it are known there."""
        return {site: count for (name, site), (_, count) in self._population.items() if name == service_type}

    def _contributions_of(self, service_type: str) -> Contributions:
        found = self._contributions.get(service_type)
        if found is None:
            if len(self._contributions) >= MAX_MODELS:
                weakest = min(self._contributions, key=lambda name: self._contributions[name].total.weight)
                del self._contributions[weakest]
                for place in [place for place in self._population if place[0] == weakest]:
                    del self._population[place]
            found = self._contributions[service_type] = Contributions(service_type)
        return found
