"""The node's link to a federation: its models are the source of what is published, and adopt what the others know.

All of it are tasks of the supervisor's event loop, and a thread for the disk. No call waits for any of it, and no
failure of it ends anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec

from models.allowance import Size, size
from models.candidates import Candidate
from models.communication_model import CommunicationModel
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings
from policy.inferred import is_inferred
from proxy.audit.event import Detail, Kind
from proxy.audit.trail import Notes
from proxy.configuration import GatewayDocument
from proxy.control.messages import NewPin, PinState
from proxy.control.refusal import NotDone
from proxy.federation.client.database import DiskError
from proxy.federation.client.link import FederationLink
from proxy.federation.client.state import FederationStatus
from proxy.federation.client.versions import UnknownVersionError
from proxy.supervisor.node_models import NodeModels

UNUSED = "is not used: it does not live here, and less than two sites have it, or there is no room for it"
_LONGEST_NAME = 256
_STOP_SECONDS = 2.0


@dataclass(frozen=True)
class NodeEnds:
    """A node as a client sees it (`proxy.federation.client.ends`)."""

    models: NodeModels
    follow: Callable[[Sequence[bytes]], None]
    """Has all workers follow steps of the models."""
    changed: Callable[[], None]
    """Notes that there is something to be stored."""
    notes: Notes
    told: dict[str, Size] = field(default_factory=dict)
    """How much was to be adopted of each service type, last."""

    def now(self) -> int:
        """Return event time, ms: as far as the node has seen it."""
        return self.models.newest

    def contributions(self) -> Iterable[CommunicationModel]:
        """Return what was learnt here, without types that were only inferred: their models stay on the site."""
        return [model for model in self.models.contributions() if not is_inferred(model.service_type)]

    def showings(self) -> Showings:
        """Return the open candidates."""
        found = self.models.showings()
        return Showings(
            instances={name: count for name, count in found.instances.items() if not is_inferred(name)},
            open=[each for each in found.open if not is_inferred(each.candidate.service_type)],
        )

    def adopt(self, service_type: str, others: Others | None) -> None:
        """Have all workers score by what others know of a type; nobody else knows what was inferred here."""
        if is_inferred(service_type):
            return
        if steps := self.models.adopt(service_type, others):
            self.follow(steps)
            self.changed()
        if others is not None:
            self.told[service_type] = size(others)
        else:
            self.told.pop(service_type, None)
            text = (
                f"Others have nothing of service type {service_type} any more; what was learnt here goes on to count."
            )
            self.notes.note(Kind.FEDERATION, text, service_type=service_type)

    def cut(self) -> dict[str, str]:
        """Return what of a service type there is no room for here."""
        found = {}
        for service_type, told in self.told.items():
            adopted = self.models.adopted(service_type)
            if adopted is None and told.relationships:
                found[service_type] = UNUSED
            elif adopted is not None and adopted.relationships < told.relationships:
                found[service_type] = (
                    f"{adopted.relationships} of {told.relationships} relationships are used: many types live here"
                )
        return found

    def accept(self, acceptances: Sequence[Acceptance]) -> None:
        """Have all workers expect what other sites vouched for."""
        if steps := self.models.accept(acceptances):
            self.follow(steps)
            self.changed()

    def withdraw(self, candidates: Sequence[Candidate]) -> None:
        """Have all workers refuse again what was expected because other sites vouched for it, and put it on record."""
        if not (steps := self.models.withdraw(candidates)):
            return
        self.follow(steps)
        self.changed()
        text = (
            "Others took back what they had accepted: too few are left who vouched for it. It is refused again, unless"
            " it was learnt meanwhile."
        )
        self.notes.note(Kind.FEDERATION, text, service_types=sorted({each.service_type for each in candidates}))

    def unpinned(self, service_type: str, version: str) -> None:
        """Put on record that a version that somebody had pinned cannot be read by this release."""
        text = (
            f"Version {version} of what others know of {service_type} was pinned and cannot be read by this release:"
            " it is no longer pinned, and the newest is used."
        )
        self.notes.note(Kind.FEDERATION, text, service_type=service_type, version=version)

    def heard(self) -> None:
        """Note that others can be asked about candidates."""
        self.models.hear()


class Federation:
    """What the supervisor does with a federation; nothing where gateway.yaml has none. For the event loop's thread."""

    def __init__(
        self, link: FederationLink | None, ends: NodeEnds, on_broken: Callable[[str, BaseException], None]
    ) -> None:
        self._link = link
        self._ends = ends
        self._notes = ends.notes
        self._on_broken = on_broken
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(
        cls,
        document: GatewayDocument,
        ends: NodeEnds,
        real_now: Callable[[], float],
        on_broken: Callable[[str, BaseException], None],
    ) -> Self:
        """Make what a configuration asks for. Nothing is touched before `start`."""
        wanted = document.federation
        if wanted is None:
            return cls(None, ends, on_broken)
        ends.models.federate()
        link = FederationLink(
            service=wanted.service,
            credentials=wanted.directory,
            state=document.state_directory,
            source=ends,
            sink=ends,
            real_now=real_now,
        )
        return cls(link, ends, on_broken)

    def start(self) -> None:
        """Keep in touch with the others from now on."""
        if self._link is not None:
            self._task = asyncio.create_task(self._forever(self._link))

    async def stop(self) -> None:
        """Do so no longer. What is under way may take a moment to end, but no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_STOP_SECONDS)

    def status(self) -> FederationStatus | None:
        """Return how it stands; None where there is none."""
        if self._link is None:
            return None
        status = self._link.status()
        cut = self._ends.cut()
        return msgspec.structs.replace(
            status,
            models={name: each for name, each in status.models.items() if cut.get(name) != UNUSED},
            cut={**status.cut, **cut},
        )

    async def pin(self, wanted: NewPin, by: str) -> PinState:
        """Hold on to a version of what others know of a type, whatever comes.

        Raises:
            NotDone: there is no such version, or the disk refuses.
        """
        link = self._required(wanted.service_type)
        try:
            name = await link.pin(wanted.service_type, wanted.version[:_LONGEST_NAME], by)
        except UnknownVersionError as error:
            raise _unknown(error) from error
        except DiskError as error:
            raise _not_stored(error) from error
        text = (
            f"Version {name} of what others know of {wanted.service_type} is pinned by {by}: newer ones are not used."
        )
        self._note(text, wanted.service_type, name, by)
        return PinState(service_type=wanted.service_type, version=name, pinned=True)

    async def unpin(self, service_type: str, by: str) -> PinState:
        """Go on with the newest version of what others know of a type.

        Raises:
            NotDone: nothing is pinned, or the disk refuses.
        """
        link = self._required(service_type)
        try:
            name = await link.unpin(service_type)
        except UnknownVersionError as error:
            raise _unknown(error) from error
        except DiskError as error:
            raise _not_stored(error) from error
        text = f"What others know of {service_type} is no longer pinned, says {by}: {name or 'nothing'} is in force."
        self._note(text, service_type, name, by)
        return PinState(service_type=service_type, version=name, pinned=False)

    async def _forever(self, link: FederationLink) -> None:
        try:
            await link.forever()
        except Exception as error:  # noqa: BLE001 -- a defect here must not end what enforces
            self._on_broken("federation", error)

    def _required(self, service_type: str) -> FederationLink:
        if self._link is None:
            raise NotDone(
                404, "this gateway shares its models with nobody", "add the section `federation` to gateway.yaml"
            )
        if not service_type or len(service_type) > _LONGEST_NAME or not service_type.isprintable():
            raise NotDone(400, "that is no service type", "`alleyes federation status` shows those that are known")
        return self._link

    def _note(self, sentence: str, service_type: str, version: str, by: str) -> None:
        details: dict[str, Detail] = {"service_type": service_type, "version": version, "by": by}
        self._notes.note(Kind.FEDERATION, sentence, **details)


def _unknown(error: UnknownVersionError) -> NotDone:
    return NotDone(404, str(error), "`alleyes federation versions TYPE` shows what is kept")


def _not_stored(error: DiskError) -> NotDone:
    return NotDone(503, str(error), "nothing was changed")
