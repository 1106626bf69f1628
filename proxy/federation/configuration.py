"""The federation service's own configuration file: `federation.yaml`."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from models.exchange.plausibility import CLOCKS_DIFFER
from policy.duration import Duration
from policy.loading import invalid, load_document
from proxy.configuration import DAY, KIB, Document, Federation, KeyPair, Port, beside, federation_beside

DEFAULT_STATE = Path("/var/lib/alleyes-federation")
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def _server_name(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        if _HOST_NAME.fullmatch(name) is None:
            raise invalid(
                f"{name!r} is neither the name of a host nor an address", "write federation.example or 192.0.2.1"
            ) from None
        return name.lower()


ServerName = Annotated[str, AfterValidator(_server_name)]


class ServiceListen(Document):
    """Where the service listens."""

    address: IPv4Address | IPv6Address = IPv6Address("::")
    """`::` is every address of this machine, of IPv4 as well."""
    port: Port = 8470
    shared: bool = False
    """Whether several processes on this machine listen at this port together; the kernel spreads the connections."""


class Postgres(Document):
    """A PostgreSQL database, for any number of processes on any number of machines."""

    dsn: SecretStr
    """How to connect, as libpq takes it: `postgresql://alleyes@db.example/federation?sslmode=verify-full`. Passwords
    belong into `~/.pgpass`."""
    settle: Duration | None = None
    """How far readers keep back from what is newest, for a database where a commit becomes visible on one machine after
    the other, as with Citus; others need none."""


class Storage(Document):
    """Where contributions are kept: in a SQLite file, unless `postgres` says otherwise."""

    sqlite: Path = Path("federation.db")
    """The file; relative to the state directory."""
    postgres: Postgres | None = None


class Certificates(Document):
    """What the service's own CA issues."""

    origins: Duration = Field(default=90 * DAY, json_schema_extra={"default": "90d"})
    """How long the certificate of an origin or an operator is good. Origins renew theirs when a third of it is left."""
    server: Duration = Field(default=90 * DAY, json_schema_extra={"default": "90d"})
    """How long the service's own is; a new one is made when a third of it is left, without a restart."""


class StrangerLimits(Document):
    """Bounds on callers without a certificate: who enrols, who monitors, and who attacks.

    What they take is apart from what members have. An address is all of its /64 where it is IPv6.
    """

    connections: Annotated[int, Field(ge=4, le=1_000_000)] = 1024
    """Most connections at a time that have not shown a certificate, with those whose TLS handshake goes on; but never
    more than a quarter of all. Above it the one that has been there longest makes room."""
    connections_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """The same, of one address; but never more than a half of that."""
    idle_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """A connection without a request for so long is closed."""
    requests: Annotated[int, Field(ge=1, le=100_000)] = 32
    """Most requests that are worked on at a time; more are answered with 503."""
    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 20
    """Requests of one address, on average; more are answered with 429."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """How many may come at once after a while of silence."""


class ServiceLimits(Document):
    """Bounds on what callers may cost."""

    connections: Annotated[int, Field(ge=16, le=1_000_000)] = 20_000
    """Most connections at a time; above it new ones are closed. A quarter, or `strangers.connections` if that is less,
    is for those without a certificate."""
    connections_per_origin: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Most connections of one origin at a time; further ones are closed."""
    requests: Annotated[int, Field(ge=1, le=100_000)] = 512
    """Most requests that are worked on at a time; more are answered with 503."""
    waiting: Annotated[int, Field(ge=0, le=1_000_000)] = 20_000
    """Most requests that wait for a change at a time; more are answered with 503."""
    waiting_per_origin: Annotated[int, Field(ge=0, le=1000)] = 8
    """The same, of one origin; more are answered with 429."""
    wait_seconds: Annotated[int, Field(ge=0, le=60)] = 60
    """No request waits longer for a change, whatever it asks for."""
    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 20
    """Requests of one origin, on average; more are answered with 429. What is larger than 4 KiB counts more often."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """How many may come at once after a while of silence. An origin publishes all its service types together."""
    service_types: Annotated[int, Field(ge=1, le=100_000)] = 4096
    """Most service types; contributions to further ones are refused. An origin may be the first one of a 16th
    of those that are left, or of 16: whoever makes up types does not take them all."""
    service_types_per_origin: Annotated[int, Field(ge=1, le=1000)] = 256
    """Most service types that one origin contributes to."""
    bytes_per_origin: Annotated[int, Field(ge=64 * KIB, le=64 * KIB * KIB)] = KIB * KIB
    """Most that one origin contributes to all of them together. Usual ones contribute some hundred bytes to each; added
    up they take forty times as much memory."""
    head_bytes: Annotated[int, Field(ge=12 * KIB, le=64 * KIB)] = 16 * KIB
    """Longest request line, and longest field of a head."""
    handshake_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    """A TLS handshake takes no longer."""
    head_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    """The head of a request takes no longer, nor does a new connection wait longer for its first one."""
    body_seconds: Annotated[int, Field(ge=1, le=300)] = 20
    """The body of a request takes no longer."""
    answer_seconds: Annotated[int, Field(ge=1, le=300)] = 60
    """A caller takes no longer to read an answer."""
    idle_seconds: Annotated[int, Field(ge=1, le=3600)] = 150
    """A connection without a request for so long is closed."""
    strangers: StrangerLimits = StrangerLimits()


class FederationDocument(Document):
    """`federation.yaml`: a federation service."""

    role: Literal["site", "global"]
    """`site`: its origins are the nodes of one site, which speak with one voice. `global`: they are sites."""
    names: Annotated[list[ServerName], Field(min_length=1)]
    """Names and addresses that origins know the service by; its certificate holds them."""
    listen: ServiceListen = ServiceListen()
    state_directory: Path = DEFAULT_STATE
    """The database, unless it is elsewhere, and the service's CA, unless it is given."""
    storage: Storage = Storage()
    authority: KeyPair | None = None
    """The service's CA: certificate and key. Without it the service makes one, in its state directory. Processes on
    several machines need the same."""
    upstream: Federation | None = None
    """The level above, for a site that shares its models with others: it speaks for its nodes there. One process."""
    certificates: Certificates = Certificates()
    limits: ServiceLimits = ServiceLimits()

    @property
    def margin(self) -> int:
        """Minutes less, by which what comes in may be ahead: a site passes it on to a level with another clock."""
        return CLOCKS_DIFFER if self.role == "site" else 0

    @model_validator(mode="after")
    def _one_voice(self) -> Self:
        if self.upstream is not None and self.role == "global":
            raise invalid("`role: global` has no level above", "remove `upstream`, or write `role: site`")
        if self.upstream is not None and self.listen.shared:
            raise invalid(
                "`listen.shared` is for several processes, each of which would speak for the whole site above",
                "remove it, or `upstream`",
            )
        return self

    @model_validator(mode="after")
    def _one_file_one_writer(self) -> Self:
        if self.listen.shared and self.storage.postgres is None:
            raise invalid(
                "`listen.shared` is for several processes, which one SQLite file does not serve",
                "give `storage.postgres`, or remove it",
            )
        return self


def load_federation(path: Path) -> FederationDocument:
    """Load `federation.yaml` with its paths made relative to the file.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    document = load_document(path, FederationDocument)
    authority = document.authority
    state = beside(path, document.state_directory)
    return document.model_copy(
        update={
            "state_directory": state,
            "storage": document.storage.model_copy(update={"sqlite": state / document.storage.sqlite}),
            "upstream": federation_beside(path, state, document.upstream),
            "authority": authority
            and KeyPair(certificate=beside(path, authority.certificate), key=beside(path, authority.key)),
        }
    )
