"""Quarantines that an operator enters and ends: who is meant, whether that may be, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policy.document import PolicyDocument
from policy.protection import Protection
from policy.quarantine import ProtectedError, QuarantineEntry, QuarantineRegister, identity_of
from policy.verdict import Sender, Strength
from proxy.carriers import Carriers
from proxy.configuration import GatewayDocument, TlsMode
from proxy.control.messages import LONGEST_REASON, LONGEST_SENDER, NewQuarantine, Quarantines, QuarantineState
from proxy.control.refusal import NotDone
from proxy.firewall.plan import Plan, PlanError, canonical_ip
from proxy.peers import known_agents
from proxy.processes.messages import Free, Hold
from proxy.quarantine import QuarantineKeeper
from proxy.registry import SiteRegistry

LONGEST_SECONDS = 3650 * 86_400
_CERTIFICATE = "certificate:"
_FORMS = "name it as the audit log does: certificate:NAME, /AGENT/SERVICE, or a network address"


@dataclass(frozen=True)
class QuarantinesByHand:
    """For the event loop's thread."""

    document: GatewayDocument
    plan: Plan
    register: QuarantineRegister
    keeper: QuarantineKeeper
    carriers: Carriers
    registry: SiteRegistry
    policy: Callable[[], PolicyDocument]
    """Returns the policy in force."""
    fixed: Protection
    """Whom the installation protects."""
    own: Callable[[], Iterable[str]]
    """Returns this machine's addresses."""
    tell: Callable[[Hold | Free], None]
    """Tells all workers."""
    real_now: Callable[[], float]

    def all(self) -> Quarantines:
        """Return all quarantines that hold, and who is protected."""
        now = self.real_now()
        protection = self.fixed | Protection.of(self.policy().quarantine.protected)
        return Quarantines(
            quarantines=[self._state(entry) for entry in self.register.entries if entry.until > now],
            protected=[*sorted(protection.services), *map(str, dict.fromkeys(protection.networks))],
        )

    def add(self, wanted: NewQuarantine, by: str) -> QuarantineState:
        """Quarantine a sender; where it is in quarantine for longer already, that stays and is returned.

        Args:
            wanted: whom, for how long and why.
            by: who wants it.

        Raises:
            NotDone: it is not possible, or not permitted.
        """
        reason = wanted.reason.strip()
        if not reason or len(reason) > LONGEST_REASON:
            raise NotDone(
                400, "there is no reason, or it is too long", f"give one of up to {LONGEST_REASON} characters"
            )
        seconds = self.policy().quarantine.expiry if wanted.seconds is None else wanted.seconds
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise NotDone(400, f"{seconds} s are no time for a quarantine", f"from 1 s to {LONGEST_SECONDS // 86_400}d")
        sender = self._sender(wanted.sender)
        self._require_unprotected(sender)
        now = self.real_now()
        entry = QuarantineEntry(
            identity=identity_of(sender),
            address=sender.address,
            ip=sender.ip,
            strength=sender.strength,
            reason=reason,
            verdict="",
            since=now,
            until=now + seconds,
            by=by,
        )
        try:
            held = self.keeper.enter(entry, now)
        except ProtectedError as protected:
            raise _protected(str(protected)) from protected
        if held is entry:
            self.tell(Hold(entry))
        return self._state(held)

    def delete(self, sender: str, by: str, why: str) -> QuarantineState:
        """End a quarantine.

        Args:
            sender: its identity; or the service's or the network address, where only one quarantine has it.
            by: who wants it.
            why: what they say of it.

        Raises:
            NotDone: there is none, or there are several.
        """
        exact = self.register.holding(sender, self.real_now())
        found = [exact] if exact is not None else self._named(sender)
        if not found:
            raise NotDone(404, f"{sender} is not in quarantine", "`alleyes quarantine list` shows who is")
        if len(found) > 1:
            names = ", ".join(entry.identity for entry in found)
            raise NotDone(409, f"{sender} stands for {len(found)} quarantines: {names}", "name one of them")
        (entry,) = found
        state = self._state(entry)
        self.register.release(entry.identity)
        self.tell(Free(entry.identity))
        self.keeper.release(entry, self.real_now(), by=by, why=why[:LONGEST_REASON])
        return state

    def _named(self, text: str) -> list[QuarantineEntry]:
        address = _address(text)
        names = {text, f"{_CERTIFICATE}{text.rpartition('/')[2]}"} if text.startswith("/") else set()
        return [entry for entry in self.register.entries if entry.identity in names or address == entry.ip != ""]

    def _state(self, entry: QuarantineEntry) -> QuarantineState:
        return QuarantineState(
            identity=entry.identity,
            address=entry.address,
            ip=entry.ip,
            reason=entry.reason,
            verdict=entry.verdict,
            by=entry.by,
            since=entry.since,
            until=entry.until,
            in_kernel=self.keeper.in_kernel(entry.identity),
        )

    def _sender(self, text: str) -> Sender:
        if not text or len(text) > LONGEST_SENDER or not text.isprintable():
            raise NotDone(400, "that names no sender", _FORMS)
        if text.startswith(_CERTIFICATE):
            return self._certified(text.removeprefix(_CERTIFICATE))
        if text.startswith("/"):
            return self._service(text)
        address = _address(text)
        if address is None:
            raise NotDone(400, f"{text!r} names no sender", _FORMS)
        return self._at(address)

    def _certified(self, client_id: str, ip: str | None = None, agent: str | None = None) -> Sender:
        """Return whoever has a certificate. A service's access point is of account for what is told of it alone."""
        if client_id in known_agents(self.document):
            address = f"/{client_id}"
        else:
            agents = [point.agent for point in self.document.access_points] if agent is None else [agent]
            known = (each for each in agents if self.registry.service_type(f"/{each}/{client_id}") is not None)
            address = f"/{next(known, agents[0])}/{client_id}"
        return Sender(
            address=address,
            service_type=None,
            strength=Strength.CERTIFICATE,
            ip=ip or self.carriers.latest(f"{_CERTIFICATE}{client_id}") or "",
            client_id=client_id,
        )

    def _service(self, address: str, ip: str | None = None) -> Sender:
        agent, _, name = address.removeprefix("/").partition("/")
        if not name and agent in known_agents(self.document):
            return self._certified(agent)
        if name and "/" not in name and any(peer.agent == agent for peer in self.document.peers):
            # The network address of its calls is the peer's.
            return Sender(address=address, service_type=None, strength=Strength.VOUCHED, ip="")
        point = next((each for each in self.document.access_points if each.agent == agent), None)
        if (point is None or point.decoder != "vsl") and self.registry.lists(address) and self._has_other_middleware:
            return self._inventoried(address, ip)
        if point is None or not name or "/" in name:
            raise NotDone(404, f"{address} is no service of an access point or a peer of gateway.yaml", _FORMS)
        if point.tls is TlsMode.REQUIRED:
            return self._certified(name, ip, agent)
        alone = (ip for ip in self.registry.places(address) if self.registry.service_at(ip, agent) == address)
        at = next(alone, None) if ip is None else ip
        if at is None:
            raise NotDone(
                404,
                f"{address} shows no certificate, and inventory.yaml gives it no network address of its own",
                "quarantine its network address",
            )
        strength = Strength.MAC_AND_IP if self.registry.is_bound(at) else Strength.IP
        return Sender(address=address, service_type=None, strength=strength, ip=at)

    @property
    def _has_other_middleware(self) -> bool:
        return any(point.decoder != "vsl" for point in self.document.access_points)

    def _inventoried(self, address: str, ip: str | None) -> Sender:
        """Return a service that calls other middleware than the VSL; one without address by something else."""
        alone = (each for each in self.registry.places(address) if self.registry.only_service_at(each) == address)
        at = ip or next(alone, None)
        if at is None:
            services = self.registry.inventory.services
            certified = any(each.address == address and each.certificates for each in services)
            known = Strength.CERTIFICATE if certified else Strength.API_TOKEN
            return Sender(address=address, service_type=None, strength=known, ip="")
        strength = Strength.MAC_AND_IP if self.registry.is_bound(at) else Strength.IP
        return Sender(address=address, service_type=None, strength=strength, ip=at)

    def _at(self, ip: str) -> Sender:
        """Return who is at a network address: the quarantine is theirs, wherever they go."""
        if (reason := self._reason(ip)) is not None:
            raise _protected(f"{ip} cannot be quarantined: {reason}")
        seen = self.carriers.at(ip, self.real_now())
        # The inventory's name of a service that shows a certificate.
        there = sorted(each for each in seen if f"{_CERTIFICATE}{each.rpartition('/')[2]}" not in seen)
        if len(there) > 1:
            raise NotDone(
                409,
                f"{ip} is the address of {len(there)} senders: {', '.join(there)}",
                "quarantine those that are meant, by name; the others would suffer with them",
            )
        if there and there[0].startswith(_CERTIFICATE):
            return self._certified(there[0].removeprefix(_CERTIFICATE), ip)
        if there and there[0].startswith("/"):
            return self._service(there[0], ip)
        return Sender(address=f"ip:{ip}", service_type=None, strength=Strength.UNKNOWN, ip=ip)

    def _require_unprotected(self, sender: Sender) -> None:
        name = sender.client_id
        agents = [point.agent for point in self.document.access_points] if name is not None else []
        addresses = [sender.address, *(f"/{agent}/{name}" for agent in agents)]
        if any(self.register.protects(address, sender.ip) for address in addresses):
            reason = self._reason(sender.ip) if sender.ip else None
            raise _protected(f"{sender.address} cannot be quarantined: {reason or 'the configuration protects it'}")

    def _reason(self, ip: str) -> str | None:
        """Return why an address can never be quarantined."""
        if ip in set(self.own()):
            return "it is the gateway's own"
        reason = self.plan.protection_of(ip)
        if reason is None and self.register.protects("", ip):
            return "the policy protects it"
        return reason


def _address(text: str) -> str | None:
    try:
        return canonical_ip(text.removeprefix("ip:"))
    except PlanError:
        return None


def _protected(error: str) -> NotDone:
    remedy = "who is protected is in `protected` of inventory.yaml and policy.yaml, and in gateway.yaml"
    return NotDone(403, error, remedy)
