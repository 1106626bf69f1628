"""What a group of analyzers knows together: models of all its sites, and what was accepted although it is new.

A single gateway is a group of one. Workers of one node, or the nodes of a federation after an exchange, know the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self

import msgspec

from models import allowance
from models.candidates import ANSWER_WITHIN, MAX_CANDIDATES, Candidate, Ledger, Sightings, agreed, corroborated
from models.communication_model import CommunicationModel
from models.contributions import STARTER, Contribution
from models.descriptor import Descriptor
from models.exchange.shared import Others
from models.exchange.showings import Showing, Showings
from models.federated import Federated
from models.normal_form import NormalForm, backed

HERE = "here"
"""The own site, where nobody tells sites apart."""
MAX_MODELS = 256
"""Service types. Those that only others told of give way first, then the one of which least was learnt here."""
MAX_ACCEPTED = 4096
"""Answers that are remembered. The oldest that no human gave gives way: its relationship has long been learnt."""


class Answer(msgspec.Struct, frozen=True):
    """What was decided about a candidate."""

    allowed: bool
    since: int
    """Event time, ms."""
    human: bool
    """A human has the last word: no corroboration changes such an answer."""
    told: bool = False
    """Whether others decided it: what they take back does not hold here any more."""


class KnowledgeState(msgspec.Struct, frozen=True, kw_only=True):
    """Knowledge in storage."""

    origin: str
    contributions: dict[str, dict[str, Contribution]]
    """By service type, then by site."""
    population: list[tuple[str, str, int, int]]
    """Service type, site, minute since the epoch, instances known in it."""
    open: list[tuple[Candidate, Sightings]]
    answers: list[tuple[Candidate, Answer]]
    elsewhere: dict[str, Others] = {}
    """What others told, by service type. Files that were written before there was a federation have none."""


class Knowledge:
    """Models, candidates and answers. Not thread-safe; used from one thread."""

    def __init__(self, *, origin: str = "node") -> None:
        """Start with nothing known; `origin` names the group in the versions of its models."""
        self.origin = origin
        self._types: dict[str, Federated] = {}
        self._population: dict[tuple[str, str], tuple[int, int]] = {}
        self._ledger = Ledger()
        self._answers: dict[Candidate, Answer] = {}
        self._awaited: dict[Candidate, int] = {}
        """What would be accepted here, but is left to others: event time (ms) since when."""
        self._forms: dict[str, NormalForm] = {}
        self._unread: set[str] = set()
        """Types whose models changed since they were read."""

    @property
    def types(self) -> Mapping[str, Federated]:
        """What is known of each service type, and who knows it. To be read only; it goes on changing."""
        return self._types

    @property
    def models(self) -> dict[str, CommunicationModel]:
        """The models by service type, with what others told. They go on changing."""
        return {name: each.model for name, each in self._types.items()}

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
            self._learnt(name).fold(site, found)
            self._unread.add(name)

    def adopt(self, service_type: str, others: Others | None) -> Others | None:
        """Take over what others know of a type, in place of what they told before; None forgets that.

        Scoring knows at once. There is room for a bounded part of it (`models.allowance`). A type that does not live
        here is adopted as long as there is room, or fewer sites are behind others that do not.

        Returns:
            What was adopted: a copy that adopts just that is equal.

        Raises:
            ValueError: a model is of another service type; nothing was changed.
        """
        adopted = self._adopt(service_type, others)
        self.read()
        return adopted

    def read(self) -> None:
        """Let scoring see what was learnt: only what changed is read anew."""
        accepted: dict[str, list[Candidate]] = {name: [] for name in self._unread}
        for candidate, answer in self._answers.items():
            if answer.allowed and candidate.service_type in accepted:
                accepted[candidate.service_type].append(candidate)
        for name, decided in accepted.items():
            found = self._types[name]
            self._forms[name] = NormalForm(
                found.model,
                version=found.version(self.origin),
                sites=found.sites,
                supporters=found.supporters,
                accepted=decided,
                witnessed=found.witnessed,
            )
        self._unread.clear()

    def see(self, candidate: Candidate, site: str, instance: str, time: int) -> None:
        """Note that an instance showed a candidate and was refused; event time in ms."""
        if candidate not in self._answers:
            self._ledger.see(candidate, site, instance, time)

    def deliberate(self, now: int, *, left: Callable[[str], bool] = lambda _: False) -> list[Candidate]:
        """Accept what has been corroborated since. Scoring knows at once.

        Args:
            now: Event time, ms.
            left: Tells of a service type whether others decide about its candidates; they have `ANSWER_WITHIN` for each
                that would be accepted here.

        Returns:
            What was accepted.
        """
        accepted = []
        for candidate, sightings in self._ledger.shown():
            if not self._vouched(candidate, sightings, now):
                self._awaited.pop(candidate, None)
            elif not left(candidate.service_type) or not self._awaits(candidate, now):
                accepted.append(candidate)
        accepted.sort()
        for candidate in accepted:
            self.answer(candidate, allowed=True, now=now, human=False)
        self._ledger.forget(now)
        return accepted

    def answer(self, candidate: Candidate, *, allowed: bool, now: int, human: bool = True, told: bool = False) -> None:
        """Decide about a candidate: from now on it is expected, or never will be by corroboration.

        Args:
            candidate: What was asked.
            allowed: The answer.
            now: Event time, ms.
            human: Whether a human gave it.
            told: Whether others decided it, who may take it back (`withdraw`).
        """
        self._answers.pop(candidate, None)
        if len(self._answers) >= MAX_ACCEPTED:
            by_machine = (each for each, given in self._answers.items() if not given.human)
            gone = next(by_machine, next(iter(self._answers)))
            del self._answers[gone]
            if gone.service_type in self._types:
                self._unread.add(gone.service_type)
        self._answers[candidate] = Answer(allowed, now, human, told)
        self._ledger.close([candidate])
        self._awaited.pop(candidate, None)
        form = self._forms.get(candidate.service_type)
        if form is not None:
            form.decide(candidate, allowed=allowed)

    def withdraw(self, candidate: Candidate) -> bool:
        """Expect a candidate no more that others accepted, if they alone did; return whether. Scoring knows at once.

        What was learnt because it was let pass stays.
        """
        given = self._answers.get(candidate)
        if given is None or not given.told:
            return False
        del self._answers[candidate]
        form = self._forms.get(candidate.service_type)
        if form is not None:
            form.decide(candidate, allowed=False)
        return True

    def contributions(self) -> Iterator[CommunicationModel]:
        """Yield what was learnt at the own site, of each type: no more than that is told to others.

        To be read at once; it goes on changing.
        """
        for each in self._types.values():
            model = each.own.of(HERE)
            if model is not None:
                yield model

    def showings(self) -> Showings:
        """Return what others may know of the own site's candidates."""
        return Showings(
            instances={name: count for (name, site), (_, count) in self._population.items() if site == HERE},
            open=[
                _showing(candidate, sightings)
                for candidate, sightings in self._ledger.items()
                if sightings.witnesses.get(HERE)
            ],
        )

    def state(self) -> KnowledgeState:
        """Return what is to be stored."""
        return KnowledgeState(
            origin=self.origin,
            contributions={name: contributed for name, each in self._types.items() if (contributed := dict(each.own))},
            population=[(name, site, *found) for (name, site), found in self._population.items()],
            open=list(self._ledger.items()),
            answers=list(self._answers.items()),
            elsewhere={name: each.others for name, each in self._types.items() if each.others is not None},
        )

    @classmethod
    def restored(cls, state: KnowledgeState) -> Self:
        """Return the knowledge that was stored; call `read` before scoring.

        Raises:
            ValueError: a model is of another service type than it is filed under.
        """
        knowledge = cls(origin=state.origin)
        for name, by_site in state.contributions.items():
            own = knowledge._learnt(name).own
            for site, contribution in by_site.items():
                own.put(site, contribution, cap=contribution.model.weight)
            knowledge._unread.add(name)
        knowledge._population = {(name, site): (minute, count) for name, site, minute, count in state.population}
        knowledge._ledger = Ledger(dict(state.open))
        knowledge._answers = dict(state.answers)
        for name, others in state.elsewhere.items():
            # It was cut when it came. To cut it again here would make a copy differ from its original.
            found = knowledge._types.setdefault(name, Federated(name))
            found.adopt(others)
            knowledge._unread.add(name)
        return knowledge

    def as_starter(self) -> Knowledge:
        """Return what another place can begin with: the models and answers, but not the sites where they come from.

        Sites that are heard no more can neither vouch for anything nor object. What only one of several showed, and not
        for long enough (`normal_form.backed`), is left out.
        """
        starter = Knowledge(origin=self.origin)
        for name, each in self._types.items():
            sites, supporters = each.sites, each.supporters
            known = {
                key: relationship
                for key, relationship in each.model.relationships.items()
                if backed(each.seen(key), sites=sites, supporters=supporters.get(key, 0))
            }
            model = msgspec.structs.replace(each.model, relationships=known)
            starter._learnt(name).own.put(STARTER, Contribution(epoch=0, sequence=0, model=model))
            starter._unread.add(name)
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

    def _awaits(self, candidate: Candidate, now: int) -> bool:
        """Tell whether others are still given time to answer."""
        since = self._awaited.setdefault(candidate, now)
        if len(self._awaited) > MAX_CANDIDATES:
            del self._awaited[next(iter(self._awaited))]
        return now - since <= ANSWER_WITHIN

    def _adopt(self, service_type: str, others: Others | None) -> Others | None:
        present = self._types.get(service_type)
        found = present or Federated(service_type)
        living = sum(not each.adopted_only for each in self._types.values()) or 1
        found.adopt(None if others is None else allowance.cut(others, allowance.share(living)))
        adopted = found.others
        gone = [] if adopted is None else self._in_its_way(found, adopted, service_type)
        if gone is None or (adopted is None and found.adopted_only):
            if present is not None:
                self._forget(service_type)
            return None
        for name in gone:
            self._forget(name)
        self._types[service_type] = found
        self._unread.add(service_type)
        return adopted

    def _homes(self, service_type: str) -> dict[str, int]:
        """Return the sites where a type lives, and how many instances of it are known there."""
        return {site: count for (name, site), (_, count) in self._population.items() if name == service_type}

    def _learnt(self, service_type: str) -> Federated:
        """Return what is known of a type that lives here. There is always room for it."""
        found = self._types.get(service_type)
        if found is None:
            if len(self._types) >= MAX_MODELS:
                self._forget(self._weakest())
            found = self._types[service_type] = Federated(service_type)
        return found

    def _in_its_way(self, found: Federated, adopted: Others, service_type: str) -> list[str] | None:
        """Return the types that give way to one that is adopted: the same in all copies, whatever their order.

        They do not live here, and fewer sites are behind them: what a model weighs is its contributors' own word.
        None: there is no room for it. There always is for one that lives here; its part is bounded by itself.
        """
        others = [(name, each) for name, each in self._types.items() if name != service_type]
        together, types = allowance.size(adopted), len(others) + 1
        for _, each in others:
            together = together.plus(allowance.size(each.others))
        weaker = sorted(
            (each.sites, name)
            for name, each in others
            if each.adopted_only and (not found.adopted_only or each.sites < found.sites)
        )
        gone: list[str] = []
        while types > MAX_MODELS or not together.within(allowance.ALL):
            if len(gone) == len(weaker):
                return None if found.adopted_only else gone
            name = weaker[len(gone)][1]
            gone.append(name)
            types -= 1
            together = together.less(allowance.size(self._types[name].others))
        return gone

    def _weakest(self) -> str:
        """Return who gives way to a type that lives here: the same in all copies, whatever their order."""

        def rank(name: str) -> tuple[bool, int, str]:
            each = self._types[name]
            return not each.adopted_only, each.sites if each.adopted_only else each.own.total.weight, name

        return min(self._types, key=rank)

    def _forget(self, service_type: str) -> None:
        del self._types[service_type]
        self._forms.pop(service_type, None)
        self._unread.discard(service_type)
        for place in [place for place in self._population if place[0] == service_type]:
            del self._population[place]


def _showing(candidate: Candidate, sightings: Sightings) -> Showing:
    last = max(witness.last for witness in sightings.witnesses[HERE].values())
    return Showing(
        candidate=candidate,
        recent=sightings.recent(HERE, last),
        persistent=sightings.instances(HERE, last) if candidate.key.own else sightings.persistent(HERE, last),
        onset=sightings.onsets[HERE],
        last=last,
    )
