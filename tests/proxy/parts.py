"""What several tests of the gateway's parts need: settings, a clock that stands, TLS handshakes in memory."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml
from OpenSSL import SSL

from policy.quarantine import QuarantineEntry
from policy.verdict import Strength
from proxy.configuration import KeyPair, Limits, Tls
from proxy.connections import Connection, Destination
from proxy.health import FirewallStatus, Status
from proxy.hooks import deadlines
from proxy.http1.deadlines import Deadline
from proxy.identity import Identity
from proxy.processes.messages import Beat, TypeStatus
from proxy.revocation_lists import RevocationFiles
from tests.site.certificates import Credentials, SiteAuthority

type Settings = dict[str, Any]

EVENT_TIME = 1_763_000_000_000


@dataclass
class StandingClock:
    """Event time that only a test moves."""

    time: int = EVENT_TIME

    def now(self) -> int:
        return self.time


def plain_settings(**changes: Any) -> Settings:
    """The least that gateway.yaml needs, for an access point without TLS."""
    return {
        "interfaces": {"services": ["iot"], "access_points": ["lo"]},
        "listen": {"ipv4": "10.77.1.1"},
        "access_points": [plain_point()],
        **changes,
    }


def plain_point(**changes: Any) -> Settings:
    return {"agent": "agent1", "ipv4": "10.77.2.11", "port": 8081, "listen_port": 9101, "tls": "plain", **changes}


def tls_settings(authority: SiteAuthority) -> Settings:
    """The `tls` section for a gateway of the site."""
    own = authority.agent("gateway")
    pair = {"certificate": str(own.certificate), "key": str(own.key)}
    return {"site_ca": str(authority.certificate), "towards_services": pair, "towards_access_points": dict(pair)}


def pair_of(credentials: Credentials) -> KeyPair:
    return KeyPair(certificate=credentials.certificate, key=credentials.key)


def revocation_files_of(authority: SiteAuthority, *lists: Path) -> RevocationFiles:
    """The files of a site with one CA, with a certificate of the gateway."""
    return RevocationFiles(lists, (authority.certificate,), (authority.agent("gateway").certificate,))


def tls_of(authority: SiteAuthority) -> Tls:
    own = authority.agent("gateway")
    pair = KeyPair(certificate=own.certificate, key=own.key)
    return Tls(site_ca=authority.certificate, towards_services=pair, towards_access_points=pair)


def write_settings(
    directory: Path, gateway: Settings, policy: Settings | str = "mode: learn\n", inventory: Settings | None = None
) -> Path:
    """Write the three configuration files; return the path of gateway.yaml."""
    texts = {"gateway": gateway, "policy": policy, "inventory": inventory or {"services": []}}
    for name, content in texts.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory / "gateway.yaml"


def quarantine_entry(
    address: str = "/agent1/washingmachine1",
    *,
    ip: str = "192.0.2.17",
    since: float = 1000.0,
    until: float = 4600.0,
    identity: str | None = None,
) -> QuarantineEntry:
    return QuarantineEntry(
        identity=identity or address,
        address=address,
        ip=ip,
        strength=Strength.CERTIFICATE,
        reason="relationship: AV 38.2, quarantine from 30",
        verdict="19a7c0-0000-abcdef",
        since=since,
        until=until,
    )


def peer(credentials: Credentials | None, *, server: bool = False) -> SSL.Connection:
    """One end of a handshake in memory, that accepts whatever the other end shows."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    if credentials is not None:
        context.use_certificate_file(str(credentials.certificate))
        context.use_privatekey_file(str(credentials.key))
    if server:
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    return connection(context, server=server)


def connection(context: SSL.Context, *, server: bool = False) -> SSL.Connection:
    made = SSL.Connection(context, None)
    if server:
        made.set_accept_state()
    else:
        made.set_connect_state()
    return made


def shake_hands(client: SSL.Connection, server: SSL.Connection) -> dict[str, SSL.Error]:
    """Let both ends do their handshake; return the errors of those that failed, by `client` and `server`."""
    errors: dict[str, SSL.Error] = {}
    for _ in range(6):
        for name, end, other in (("client", client, server), ("server", server, client)):
            try:
                end.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                errors.setdefault(name, error)
            with suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(65536))
    return errors


class ResumingClient:
    """A stock service's end, by the standard library, that can offer an earlier session."""

    def __init__(self, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, session=session)

    def meet(self, server: SSL.Connection) -> None:
        """Do the handshake, and exchange a few bytes so that tickets, if any, arrive."""
        for _ in range(6):
            for attempt in (self.tls.do_handshake, server.do_handshake):
                with suppress(ssl.SSLWantReadError, SSL.WantReadError):
                    attempt()
                self._carry(server)
        server.send(b"hello")
        self._carry(server)
        assert self.tls.read(5) == b"hello"

    def _carry(self, server: SSL.Connection) -> None:
        if sent := self._outgoing.read():
            server.bio_write(sent)
        with suppress(SSL.WantReadError):
            self._incoming.write(server.bio_read(65536))


def beat(**changes: object) -> Beat:
    """Return what a worker without a care says of itself."""
    calm = Beat(
        pid=os.getpid(),
        event_time=1_520_031_600_000,
        service_types={"/doorLock": TypeStatus("monitor", 412, 3)},
        connections=5,
        quarantined=1,
        forwarded=100,
        refused=2,
        broken=0,
        unseen=0,
        audit_pending=0,
        audit_lost=0,
        audit_error=None,
    )
    return msgspec.structs.replace(calm, **changes)


def status(**changes: object) -> Status:
    """Return what a gateway without a care says of itself."""
    calm = Status(
        pid=os.getpid(),
        workers=(beat(),),
        restarts=0,
        mode="enforce",
        policy_revision="ac17ce3f2bec",
        event_time=1_520_031_600_000,
        types_known={"agent1": True},
        service_types={"/doorLock": TypeStatus("monitor", 412, 3)},
        connections=5,
        quarantined=1,
        quarantines_evicted=0,
        unjudged_packets=0,
        firewall=FirewallStatus(),
        forwarded=100,
        refused=2,
        broken=0,
        audit_pending=0,
        audit_lost=0,
        audit_error=None,
    )
    return msgspec.structs.replace(calm, **changes)


def live(ip: str, destination: Destination, identity: Identity | None = None) -> Connection:
    """Return a connection that has just come."""
    return Connection(ip, destination, deadline=Deadline(deadlines(Limits())), identity=identity)
