"""The gateway's own configuration files: `gateway.yaml` and `inventory.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from policy import yaml_source
from policy.document import ServiceType
from policy.duration import Duration
from policy.inferred import PREFIX, is_inferred
from policy.loading import DocumentError, Inconsistency, inconsistent, invalid, load_document, read_text
from proxy.firewall.plan import (
    INTERFACE,
    LAST_PORT,
    MOST_PER_SECOND,
    MOST_WORKERS,
    PlanError,
    SenderLimits,
    canonical_mac,
)
from proxy.server_tls_settings import AccessPointSide, ServiceCertificate, ServiceSide


def _interface(name: str) -> str:
    if INTERFACE.fullmatch(name) is None:
        raise invalid(
            f"{name!r} is not the name of an interface",
            "use up to 15 letters, digits and _ . : @ + -, as `ip link` shows it",
        )
    return name


def _mac(text: str) -> str:
    try:
        return canonical_mac(text)
    except PlanError:
        raise invalid(
            f"{text!r} is not a link address", "write it as `ip neighbour` shows it: 02:00:5e:00:53:01"
        ) from None


def _plain[T: IPv4Address | IPv6Address](address: T) -> T:
    if not isinstance(address, IPv6Address):
        return address
    if address.scope_id is not None:
        raise invalid(f"{str(address)!r} has a zone", "give the address alone, without what follows the %")
    if address.ipv4_mapped is not None:
        raise invalid(
            f"{str(address)!r} is an IPv4 address in the spelling of IPv6", f"write it as IPv4: {address.ipv4_mapped}"
        )
    return address


Interface = Annotated[str, AfterValidator(_interface), Field(json_schema_extra={"pattern": f"^{INTERFACE.pattern}$"})]
PlainIPv6 = Annotated[IPv6Address, AfterValidator(_plain)]
"""An IPv6 address that the firewall can have in a rule."""
AnyIP = Annotated[IPv4Address | IPv6Address, AfterValidator(_plain)]
"""The same of either family."""
MAC_SPELLING = "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$"
Mac = Annotated[str, AfterValidator(_mac), Field(json_schema_extra={"pattern": MAC_SPELLING})]
Port = Annotated[int, Field(ge=1, le=65535)]
AgentName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]
ServiceAddress = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._:-]+/(?:[A-Za-z0-9._:-]|%[0-9A-F]{2})+$")]

TokenHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

KIB = 1024
MIB = 1024 * KIB
DAY = 86_400
DEFAULT_STATE = Path("/var/lib/alleyes")


class TlsMode(StrEnum):
    """Whether an access point speaks TLS; declared, never inferred from first bytes."""

    REQUIRED = "required"
    """As Knowledge Agents do: both sides show certificates of the site's CA, which say who they are."""
    SERVER = "server"
    """As web servers do: the access point is verified by name or fingerprint; services may show certificates."""
    PLAIN = "plain"


class Document(BaseModel):
    """Base of every section: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Interfaces(Document):
    """The gateway's network interfaces."""

    services: Annotated[list[Interface], Field(min_length=1)]
    """Interfaces on the side of the services (the IoT network)."""
    access_points: Annotated[list[Interface], Field(min_length=1)]
    """Interfaces on the side of the access points; nothing of the services is forwarded there unjudged."""
    bridge: Interface | None = None
    """The bridge that all of them are ports of; with `topology: bridge`."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        shared = sorted(set(self.services) & set(self.access_points))
        if shared:
            raise invalid(
                f"{', '.join(shared)} is on both sides, so that calls could go around the gateway",
                "give the access points a network of their own, behind another interface",
            )
        return self


class Listen(Document):
    """Addresses of this machine, on the services' side, that the proxy listens on."""

    ipv4: IPv4Address | None = None
    ipv6: PlainIPv6 | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.ipv4 is None and self.ipv6 is None:
            raise invalid("has neither ipv4 nor ipv6", "give at least one of them")
        return self


class MappingDecoder(Document):
    """A decoder by a mapping file (docs/middleware.md): which request means what."""

    mapping: Path
    """The file, such as `decoders/hue-v1.yaml`; relative to the file it is written in."""


class ThingsDecoder(Document):
    """A decoder by Thing Descriptions of the Web of Things (W3C)."""

    things: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """Files, relative to the one they are written in, or URLs at which the gateway fetches them."""


def _kind_of_decoder(value: object) -> str | None:
    if isinstance(value, str):
        return "vsl"
    given = value if isinstance(value, dict) else vars(value) if isinstance(value, Document) else {}
    # Not the names of the settings themselves: places of mistakes hold both, and only what is in the file is told.
    return next((f"by {setting}" for setting in ("mapping", "things") if setting in given), None)


AnyDecoder = Annotated[
    Annotated[Literal["vsl"], Tag("vsl")]
    | Annotated[MappingDecoder, Tag("by mapping")]
    | Annotated[ThingsDecoder, Tag("by things")],
    Discriminator(
        _kind_of_decoder,
        custom_error_type="decoder",
        custom_error_message="neither `vsl`, nor `{mapping: FILE}`, nor `{things: [FILE or URL]}`",
    ),
]


class AccessPoint(Document):
    """One access point of the middleware that the gateway stands in front of."""

    agent: AgentName
    """Its name: the first segment of its addresses, and of a Knowledge Agent the CN of its certificate."""
    ipv4: IPv4Address | None = None
    ipv6: PlainIPv6 | None = None
    port: Port
    """Port that services call."""
    listen_port: Port
    """First port of the gateway that those calls are redirected to; each access point has one for every worker."""
    tls: TlsMode
    """`required`: a Knowledge Agent with TLS. `server`: anything else that is called by HTTPS. `plain`: no TLS."""
    towards_services: ServiceSide = ServiceSide()
    """With `tls: server`: what services are shown and asked for."""
    towards_access_point: AccessPointSide | None = None
    """With `tls: server`: how the access point is told from an impostor."""
    decoder: AnyDecoder = "vsl"
    """What it speaks: `vsl`, `{mapping: FILE}` for a REST interface, or `{things: [FILE or URL]}` (Web of Things)."""

    @property
    def wants_certificates(self) -> bool:
        """Whether a service that shows no certificate is refused."""
        if self.tls is TlsMode.SERVER:
            return self.towards_services.client_certificates == "required"
        return self.tls is TlsMode.REQUIRED

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.ipv4 is None and self.ipv6 is None:
            raise invalid(f"{self.agent} has neither ipv4 nor ipv6", "give at least one of them")
        return self


class Peer(Document):
    """A Knowledge Agent that calls access points for its own services, from the services' side of this gateway."""

    agent: AgentName
    """Its name: the first segment of its addresses and the CN of its certificate."""
    ipv4: IPv4Address | None = None
    """Where it calls from. Access points with `tls: plain` know it by that; with TLS, its certificate counts from there
    only, if this is given."""
    ipv6: PlainIPv6 | None = None
    """The same, for IPv6."""
    mac: Mac | None = None
    """Link address that belongs to those; a router's, if the peer is behind one. Others with them are dropped."""
    port: Port | None = None
    """Port at which it is asked for its structure, so that the types of its services and nodes are known."""
    tls: TlsMode = TlsMode.REQUIRED
    """Whether it speaks TLS at that port."""
    guarded: bool = False
    """An alleyes gateway stands in front of it too, and shares its models with this one: what it passes on was learnt
    there, and is judged here without being learnt again."""

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """Where it calls from, IPv4 first."""
        return tuple(address for address in (self.ipv4, self.ipv6) if address is not None)

    @field_validator("tls")
    @classmethod
    def _of_an_agent(cls, mode: TlsMode) -> TlsMode:
        if mode is TlsMode.SERVER:
            raise invalid("a peer is a Knowledge Agent, and those show certificates", "write `required` or `plain`")
        return mode

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if not self.addresses and (self.mac is not None or self.port is not None):
            found = "mac" if self.mac is not None else "port"
            raise invalid(f"{self.agent} has a {found}, but no address that it belongs to", "add `ipv4` or `ipv6`")
        return self


class KeyPair(Document):
    """A certificate with its chain and its private key, both PEM."""

    certificate: Path
    key: Path


class Tls(Document):
    """Certificates. Paths are relative to the file they are written in."""

    site_ca: Path | None = None
    """The site's CA: services and Knowledge Agents are verified against it, and against nothing else. Needed as soon as
    one access point has `tls: required`."""
    towards_services: KeyPair | None = None
    """Shown to services. Its issuer is what services trust, usually the site's CA."""
    towards_access_points: KeyPair | None = None
    """A KA certificate of the site's CA; with it the gateway passes on the identity of services to Knowledge Agents."""
    crl: list[Path] = []
    """Revocation lists of the site's CA, of other CAs that verify services or access points, and of CAs below them, PEM
    or DER; read again whenever a file changes."""

    @property
    def missing(self) -> list[str]:
        """What Knowledge Agents with TLS need and is not there."""
        needed = ("site_ca", "towards_services", "towards_access_points")
        return [name for name in needed if getattr(self, name) is None]

    def of_agents(self) -> tuple[Path, KeyPair, KeyPair]:
        """Return CA and both key pairs, where there are Knowledge Agents with TLS: then all of them were asked for."""
        if self.site_ca is None or self.towards_services is None or self.towards_access_points is None:
            raise AssertionError(f"{', '.join(self.missing)} of `tls` was not asked for")
        return self.site_ca, self.towards_services, self.towards_access_points


class Limits(Document):
    """Bounds on what one call may cost."""

    body_bytes: Annotated[int, Field(ge=256, le=1024 * KIB)] = 64 * KIB
    """Largest request body."""
    answer_bytes: Annotated[int, Field(ge=KIB, le=64 * 1024 * KIB)] = 4 * 1024 * KIB
    """Largest answer of an access point."""
    stream_bytes: Annotated[int, Field(ge=KIB, le=64 * 1024 * KIB)] = 1024 * KIB
    """Largest stream, sent or received: opaque bytes of a virtual node, judged by what is asked for alone."""
    stream_bytes_together: Annotated[int, Field(ge=KIB, le=1024 * 1024 * KIB)] = 32 * 1024 * KIB
    """Most bytes of streams that each worker holds until they have been answered; above it they are refused."""
    accesses_per_call: Annotated[int, Field(ge=1, le=1024)] = 64
    """Most nodes that one call may touch; above it the call is refused."""
    connections: Annotated[int, Field(ge=16, le=100_000)] = 4096
    """Most connections at a time; above it new ones are refused."""
    connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Most connections of one network address at a time."""
    sender_connections: Annotated[int, Field(ge=1, le=MOST_PER_SECOND)] = SenderLimits().connections
    """Most connections of one sender at a time; the kernel refuses more before the proxy has work with them."""
    sender_new_connections_per_second: Annotated[int, Field(ge=1, le=MOST_PER_SECOND)] = (
        SenderLimits().new_connections_per_second
    )
    """Most connections that one sender opens in a second; the kernel drops more. Two seconds' may come at once."""
    sender_packets_per_second: Annotated[int, Field(ge=1, le=MOST_PER_SECOND)] = SenderLimits().packets_per_second
    """Most packets of one sender in a second; the kernel drops more. Two seconds' may come at once."""
    handshake_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    """A TLS handshake takes no longer."""
    first_request_seconds: Annotated[int, Field(ge=1, le=300)] = 20
    """A connection on which no request has begun by then is cut."""
    head_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    """The head of a request takes no longer, from its first byte on."""
    body_seconds: Annotated[int, Field(ge=1, le=300)] = 30
    """The body of a request takes no longer."""
    answer_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """The whole answer of an access point takes no longer; locks and callbacks of the VSL may take half a minute."""
    lasting_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    """An answer that comes when something happens (server-sent events, a long poll) is cut after so long a silence."""
    idle_seconds: Annotated[int, Field(ge=1, le=3600)] = 330
    """A connection on which a service is silent for so long is cut. VSL services ping their channel every 150 s."""
    audit_queue: Annotated[int, Field(ge=64, le=1_000_000)] = 8192
    """Most verdicts waiting for the disk; above it calls are refused."""


def _twice(entries: Iterable[tuple[tuple[int, str], object]], section: str, remedy: str) -> Iterator[Inconsistency]:
    """Yield every entry whose value an earlier one has; entries are given by index and key within `section`."""
    first: dict[object, int] = {}
    for path, value in entries:
        earlier = first.setdefault(value, path[0])
        if earlier != path[0]:
            yield Inconsistency(path, f"{value} is taken by {section}[{earlier}]", remedy)


def _crowded(points: list[tuple[int, AccessPoint]], workers: int) -> Iterator[Inconsistency]:
    """Yield the access points whose ports for the workers overlap those of an earlier one, or go beyond the last."""
    remedy = "give every access point a port of its own"
    if workers > 1:
        remedy = f"leave {workers} ports free from each `listen_port` on, one for each of the {workers} workers"
    for i, point in points:
        wanted = point.listen_port
        if wanted + workers - 1 > LAST_PORT:
            found = f"{wanted} leaves no room for {workers} workers"
            yield Inconsistency((i, "listen_port"), found, f"choose one up to {LAST_PORT + 1 - workers}")
        for j, earlier in points[:i]:
            taken = earlier.listen_port
            if abs(wanted - taken) < workers:
                found = f"{wanted} is taken by access_points[{j}]"
                if workers > 1:
                    found = f"{_ports(wanted, workers)} overlap those of access_points[{j}], {_ports(taken, workers)}"
                yield Inconsistency((i, "listen_port"), found, remedy)
                break


def _ports(first: int, workers: int) -> str:
    return f"ports {first} to {first + workers - 1}"


def _unheard(points: Iterable[tuple[int, AccessPoint]], listen: Listen) -> Iterator[Inconsistency]:
    """Yield the addresses of access points for whose family the gateway does not listen."""
    for i, point in points:
        for family in ("ipv4", "ipv6"):
            if getattr(point, family) is not None and getattr(listen, family) is None:
                yield Inconsistency(
                    (i, family),
                    f"{point.agent} has an address here, but listen.{family} is not given",
                    f"add `listen.{family}`, an address of this machine",
                )


def _in_the_way(points: list[tuple[int, AccessPoint]], workers: int) -> Iterator[Inconsistency]:
    """Yield the access points on this machine whose ports for the workers are those of access points."""
    for i, point in points:
        own = range(point.listen_port, point.listen_port + workers)
        for j, other in points:
            if other.port in own:
                yield Inconsistency(
                    (i, "listen_port"),
                    f"{other.port} is the port of access_points[{j}] on this machine",
                    "choose one that is free, as are those of further workers behind it",
                )
                break


def _unreached(points: Iterable[tuple[int, AccessPoint]], listen: Listen) -> Iterator[Inconsistency]:
    """Yield the addresses of access points on this machine whose calls from outside can't be redirected."""
    for i, point in points:
        for family in ("ipv4", "ipv6"):
            address, listener = getattr(point, family), getattr(listen, family)
            if address is None or listener is None or address.is_loopback:
                continue
            if listener.is_loopback:
                yield Inconsistency(
                    (i, family),
                    f"calls from outside can not be redirected to listen.{family}, {listener}",
                    f"write an address of an interface in `listen.{family}`, such as {address}",
                )


def _insecure(points: Iterable[tuple[int, AccessPoint]], tls: Tls | None) -> Iterator[Inconsistency]:
    """Yield what of the access points' TLS does not fit together, or is not there."""
    for i, point in points:
        match point.tls:
            case TlsMode.REQUIRED if point.decoder != "vsl":
                yield Inconsistency(
                    (i, "tls"),
                    f"{point.agent} is no Knowledge Agent, so that its certificate can not be checked as theirs are",
                    "write `tls: server`, with `towards_access_point`, or `tls: plain`",
                )
            case TlsMode.REQUIRED if tls is None:
                yield Inconsistency(
                    (i, "tls"),
                    "is required, but there are no certificates",
                    "add the `tls` section, or write `tls: plain`",
                )
            case TlsMode.REQUIRED if tls is not None and tls.missing:
                lacking = " and no ".join(tls.missing)
                yield Inconsistency(
                    (i, "tls"),
                    f"is required, but the `tls` section has no {lacking}",
                    "add what is missing there, or write `tls: plain`",
                )
            case TlsMode.SERVER:
                yield from _incomplete(i, point, tls)
        if point.tls is not TlsMode.SERVER:
            for section, usual in (("towards_services", ServiceSide()), ("towards_access_point", None)):
                if getattr(point, section) != usual:
                    yield Inconsistency(
                        (i, section), f"counts with `tls: server` only, not with `{point.tls}`", "remove it"
                    )


def _incomplete(i: int, point: AccessPoint, tls: Tls | None) -> Iterator[Inconsistency]:
    """Yield what an access point with `tls: server` lacks."""
    if point.decoder == "vsl":
        yield Inconsistency(
            (i, "tls"),
            f"{point.agent} is a Knowledge Agent, whose certificate says who it is in another way",
            "write `tls: required`",
        )
        return
    if point.towards_access_point is None:
        yield Inconsistency(
            (i, "tls"),
            f"is `server`, but nothing tells {point.agent} from an impostor",
            "add `towards_access_point` with its `fingerprint`, or with `ca` and `name`",
        )
    if point.towards_services.certificate is None and (tls is None or tls.towards_services is None):
        yield Inconsistency(
            (i, "tls"),
            "is `server`, but there is no certificate to show to services",
            "add `tls.towards_services`, or `certificate` and `key` in `towards_services` of the access point",
        )
    if point.towards_services.client_certificates == "required" and client_ca_of(point, tls) is None:
        yield Inconsistency(
            (i, "towards_services"),
            "requires certificates of services, but has no CA that verifies them",
            "add `client_ca`, or `tls.site_ca`",
        )


def client_ca_of(point: AccessPoint, tls: Tls | None) -> Path | None:
    """Return the CA of services' certificates at an access point with `tls: server`; None: none is asked for."""
    if point.tls is not TlsMode.SERVER or point.towards_services.client_certificates == "none":
        return None
    return point.towards_services.client_ca or (None if tls is None else tls.site_ca)


def _service_url(text: str) -> str:
    url = urlsplit(text)
    try:
        port = url.port
    except ValueError:
        port = None
    if url.scheme != "https" or not url.hostname or port is None or url.username or url.query or url.fragment:
        raise invalid(
            f"{text!r} is no address of a federation service", "write it like https://federation.example.org:8470"
        )
    return text.rstrip("/")


class Federation(Document):
    """Sharing models with other gateways. Without this section nothing is told to anybody, and nothing taken over."""

    service: Annotated[str, AfterValidator(_service_url)]
    """URL of the federation service, of the site's own or the global one: `https://federation.example.org:8470`."""
    directory: Path = Path("federation")
    """Where `alleyes federation enroll` wrote `ca.pem`, `origin.pem` and `origin.key`; the default is in the state
    directory."""


class Audit(Document):
    """How the audit log is divided into files, and how much of it is kept: the chains of all processes together."""

    file_bytes: Annotated[int, Field(ge=64 * KIB, le=4096 * MIB)] = 64 * MIB
    """A file of that size is rotated; an eighth of what its process may keep, where that is less."""
    file_age: Duration = Field(default=DAY, json_schema_extra={"default": "1d"})
    """A file whose first record is that old is rotated."""
    keep_bytes: Annotated[int, Field(ge=16 * MIB)] = 2048 * MIB
    """Above it the oldest files are removed."""
    keep_age: Duration = Field(default=90 * DAY, json_schema_extra={"default": "90d"})
    """A rotated file whose newest record is older is removed."""
    sample: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Of forwarded, normal calls of one service type with one operation on another, only every n-th is recorded, and
    the others are counted; 1: all are recorded."""
    redact: list[ServiceType] = []
    """Service types and data types whose values are never written."""


class GatewayDocument(Document):
    """`gateway.yaml`: where the gateway stands and what it stands in front of."""

    interfaces: Interfaces | None = None
    """Needed unless `topology: host`, where calls may arrive anywhere."""
    topology: Annotated[Literal["routed", "bridge", "host"], Field(validate_default=True)] = "routed"
    """`routed`: the gateway is the services' router to the access points. `bridge`: both are in one network.
    `host`: the access points are on this machine."""
    listen: Listen
    tls: Tls | None = None
    """Needed as soon as one access point has `tls: required`; with `tls: server`, for what it has no certificate of its
    own."""
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] = 1
    """Processes that judge calls; each sender has one of them, by its address."""
    access_points: Annotated[list[AccessPoint], Field(min_length=1)]
    """What the gateway stands in front of."""
    peers: list[Peer] = []
    """Other Knowledge Agents that call these access points for their services; nobody else may act for a service."""
    reachable: list[IPv4Network | IPv6Network] = []
    """Networks on the access points' side that services may reach directly: name server, time, the Internet. Not with
    `topology: host`, which keeps nothing else from anybody."""
    policy: Path = Path("policy.yaml")
    inventory: Path = Path("inventory.yaml")
    state_directory: Path = DEFAULT_STATE
    """Models, quarantines and the audit log."""
    fail_mode: Literal["closed", "open"] = "closed"
    """`closed`: while the gateway is down, no call passes. `open`: calls pass unjudged then, but not of quarantined."""
    limits: Limits = Limits()
    audit: Audit = Audit()
    federation: Federation | None = None
    """Left out: the gateway learns from its own services alone."""

    @field_validator("topology")
    @classmethod
    def _with_its_interfaces(cls, topology: str, info: ValidationInfo) -> str:
        if "interfaces" not in info.data:
            return topology
        interfaces = info.data["interfaces"]
        if (topology == "host") != (interfaces is None):
            raise invalid(
                f"`topology: {topology}` {'has no' if interfaces is not None else 'needs'} `interfaces`",
                "remove them: calls are taken from every interface, and from this machine"
                if interfaces is not None
                else "say which lead to services and to access points",
            )
        if interfaces is not None and (topology == "bridge") != (interfaces.bridge is not None):
            raise invalid(
                f"`topology: {topology}` does not go with what `interfaces.bridge` says",
                "give the bridge's name there and write `topology: bridge`, or neither",
            )
        return topology

    @field_validator("access_points")
    @classmethod
    def _consistent(cls, access_points: list[AccessPoint], info: ValidationInfo) -> list[AccessPoint]:
        points = list(enumerate(access_points))
        found = [
            *_twice((((i, "agent"), point.agent) for i, point in points), "access_points", "give every agent once"),
            *_crowded(points, info.data.get("workers", 1)),
            *_twice(
                (
                    ((i, family), f"{ip} port {point.port}")
                    for i, point in points
                    for family, ip in (("ipv4", point.ipv4), ("ipv6", point.ipv6))
                    if ip is not None
                ),
                "access_points",
                "two access points cannot be at one place: correct the address or the port",
            ),
        ]
        if (listen := info.data.get("listen")) is not None:
            found += _unheard(points, listen)
            if info.data.get("topology") == "host":
                found += _unreached(points, listen)
        if info.data.get("topology") == "host":
            found += _in_the_way(points, info.data.get("workers", 1))
        if "tls" in info.data:
            found += _insecure(points, info.data["tls"])
        if found:
            raise inconsistent(found)
        return access_points

    @field_validator("reachable")
    @classmethod
    def _behind_interfaces[T](cls, reachable: list[T], info: ValidationInfo) -> list[T]:
        if reachable and info.data.get("topology") == "host":
            raise invalid(
                "`topology: host` has no side of the access points", "remove it: only their ports are guarded"
            )
        return reachable

    @field_validator("peers")
    @classmethod
    def _recognisable(cls, peers: list[Peer], info: ValidationInfo) -> list[Peer]:
        found = [
            *_twice((((i, "agent"), peer.agent) for i, peer in enumerate(peers)), "peers", "give every agent once"),
            *_twice(
                (
                    ((i, "ipv6" if ip.version == 6 else "ipv4"), str(ip))  # noqa: PLR2004 -- the version
                    for i, peer in enumerate(peers)
                    for ip in peer.addresses
                ),
                "peers",
                "an address can identify only one peer: correct it",
            ),
        ]
        points: list[AccessPoint] = info.data.get("access_points", [])
        if points and all(point.tls is not TlsMode.REQUIRED for point in points):
            found += [
                Inconsistency(
                    (i, "agent"),
                    f"{peer.agent} has no address, and access points without TLS cannot know it by its certificate",
                    "add `ipv4` or `ipv6`",
                )
                for i, peer in enumerate(peers)
                if not peer.addresses
            ]
        tls: Tls | None = info.data.get("tls")
        if tls is not None and tls.missing:
            found += [
                Inconsistency(
                    (i, "tls"),
                    f"{peer.agent} is asked for its structure by TLS, but the `tls` section has no"
                    f" {' and no '.join(tls.missing)}",
                    "add what is missing there, or write `tls: plain`",
                )
                for i, peer in enumerate(peers)
                if peer.port is not None and peer.tls is TlsMode.REQUIRED
            ]
        if found:
            raise inconsistent(found)
        return peers


class NetworkPlace(Document):
    """One network address of a service."""

    ip: AnyIP
    mac: Mac | None = None
    """Link address that belongs to it, as for a service's `ip`."""


def _confirmed(name: str) -> str:
    if is_inferred(f"{name}/"):
        raise invalid(f"{name!r} is the name of a type that was inferred", f"name it without {PREFIX.rstrip('/')}")
    return name


class InventoriedService(Document):
    """What the operator knows of one service instance."""

    address: ServiceAddress
    location: Annotated[str, Field(min_length=1)] | None = None
    """Room or zone; any name, only equality counts."""
    service_type: Annotated[str, Field(pattern=r"^/"), AfterValidator(_confirmed)] | None = None
    """For services that the access point does not know the type of."""
    ip: AnyIP | None = None
    """Network address of a service that has no certificate."""
    mac: Mac | None = None
    """Link address that belongs to `ip`; a router's, if the service is behind one. Others with `ip` are dropped."""
    addresses: list[NetworkPlace] = []
    """Further network addresses of it: the other IP version, another interface, the time after a move."""
    tokens: list[TokenHash] = []
    """Hashes of its API tokens, as `alleyes inventory token` prints them; never the tokens themselves."""
    certificates: list[ServiceCertificate] = []
    """Which certificates are its own, at access points with `tls: server`."""
    only_here: bool = False
    """Its certificate counts at these network addresses only; elsewhere its calls are refused (obeys the mode)."""

    @model_validator(mode="after")
    def _mac_of_an_ip(self) -> Self:
        if self.mac is not None and self.ip is None:
            raise invalid(f"{self.address} has a mac, but no ip that belongs to it", "give both, or neither")
        return self

    @model_validator(mode="after")
    def _here_is_somewhere(self) -> Self:
        if self.only_here and not self.places:
            raise invalid(f"{self.address} is to be only here, but nothing says where", "give its ip, or remove it")
        return self

    @property
    def places(self) -> tuple[NetworkPlace, ...]:
        """All its network addresses, `ip` first."""
        first = () if self.ip is None else (NetworkPlace(ip=self.ip, mac=self.mac),)
        return (*first, *self.addresses)


def _two_macs(services: list[InventoriedService]) -> Iterator[Inconsistency]:
    """Yield the network addresses for which different link addresses are given; services of one host share one."""
    first: dict[str, tuple[int, str]] = {}
    for i, each in enumerate(services):
        for place in each.places:
            if place.mac is None:
                continue
            earlier, mac = first.setdefault(str(place.ip), (i, place.mac))
            if mac != place.mac:
                yield Inconsistency(
                    (i,),
                    f"{place.ip} has the mac {place.mac} here, and {mac} in services[{earlier}]",
                    "one network address belongs to one link address: correct either",
                )


class InferenceRule(Document):
    """Which type senders have whose type nobody knows. All that is given must hold; it is what senders choose."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=64)]
    """Their type is /inferred/ and this."""
    host_name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Glob of what the device calls itself in its DHCP lease, e.g. cam-*; upper and lower case are the same."""
    mac_prefix: Annotated[str, Field(pattern="^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){0,5}$")] | None = None
    """How its link address begins, as the kernel sees it or the lease says it: 02:00:5e is a manufacturer."""
    user_agent: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Glob of the field User-Agent, e.g. Tuya*."""
    path: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Glob of the path of a call, for senders that nobody knows; they keep the type for hours."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.host_name is None and self.mac_prefix is None and self.user_agent is None and self.path is None:
            raise invalid(
                f"{self.name} fits everybody", "give at least one of host_name, mac_prefix, user_agent and path"
            )
        return self


class InventoryDocument(Document):
    """`inventory.yaml`: what the middleware does not say about the services of the site."""

    services: list[InventoriedService] = []
    protected: list[AnyIP] = []
    """Addresses that must never be quarantined: router, DNS, operators."""
    inference: Annotated[list[InferenceRule], Field(max_length=64)] = []
    """Types of senders whose type nobody knows, the first that fits. Without these, nothing is inferred."""
    leases: list[Path] = []
    """Files of DHCP leases for host names, absolute; none: the usual places of dnsmasq, ISC dhcpd and Kea."""

    @field_validator("services")
    @classmethod
    def _unique(cls, services: list[InventoriedService]) -> list[InventoriedService]:
        found = [
            *_twice((((i, "address"), each.address) for i, each in enumerate(services)), "services", "list it once"),
            *_two_macs(services),
            *_twice(
                (((i, "tokens"), token) for i, each in enumerate(services) for token in each.tokens),
                "services",
                "a token identifies one service: give each its own",
            ),
            *_twice(
                (
                    ((i, "certificates"), each.fingerprint or f"{each.name} of {each.ca or 'tls.site_ca'}")
                    for i, service in enumerate(services)
                    for each in service.certificates
                ),
                "services",
                "a certificate identifies one service: give each its own",
            ),
        ]
        if found:
            raise inconsistent(found)
        return services


def beside(path: Path, file: Path) -> Path:
    """Return the path of a file as it is meant in the document at `path`: relative to it."""
    return file if file.is_absolute() else path.parent / file


def _files_beside[T: BaseModel](path: Path, section: T, *names: str) -> T:
    """Return a section with the files of these names in it as they are meant; the others are left out there."""
    given = {name: getattr(section, name) for name in names}
    return section.model_copy(update={name: beside(path, file) for name, file in given.items() if file is not None})


def _tls_beside(path: Path, tls: Tls) -> Tls:
    sides = {name: getattr(tls, name) for name in ("towards_services", "towards_access_points")}
    pairs = {name: _files_beside(path, pair, "certificate", "key") for name, pair in sides.items() if pair is not None}
    crl = [beside(path, file) for file in tls.crl]
    return _files_beside(path, tls, "site_ca").model_copy(update={**pairs, "crl": crl})


def _point_beside(path: Path, point: AccessPoint) -> AccessPoint:
    sides: dict[str, tuple[BaseModel | None, str]] = {
        "towards_services": (point.towards_services, "client_ca"),
        "towards_access_point": (point.towards_access_point, "ca"),
    }
    given = {
        name: _files_beside(path, side, "certificate", "key", authority)
        for name, (side, authority) in sides.items()
        if name in point.model_fields_set and side is not None
    }
    return point.model_copy(update={"decoder": _decoder_beside(path, point.decoder), **given})


def is_url(place: str) -> bool:
    """Tell whether Thing Descriptions are fetched from a place, and not read from a file."""
    return place.startswith(("http://", "https://"))


def _decoder_beside(
    path: Path, decoder: Literal["vsl"] | MappingDecoder | ThingsDecoder
) -> Literal["vsl"] | MappingDecoder | ThingsDecoder:
    match decoder:
        case MappingDecoder():
            return MappingDecoder(mapping=beside(path, decoder.mapping))
        case ThingsDecoder():
            things = [each if is_url(each) else str(beside(path, Path(each))) for each in decoder.things]
            return ThingsDecoder(things=things)
    return decoder


def load_inventory(path: Path) -> InventoryDocument:
    """Load `inventory.yaml` with its paths made relative to the file.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    document = load_document(path, InventoryDocument)
    services = [
        service.model_copy(update={"certificates": [_files_beside(path, each, "ca") for each in service.certificates]})
        for service in document.services
    ]
    return document.model_copy(update={"services": services})


def load_gateway(path: Path) -> GatewayDocument:
    """Load `gateway.yaml` with its paths made relative to the file.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    document = load_document(path, GatewayDocument)
    state = beside(path, document.state_directory)
    points = [_point_beside(path, point) for point in document.access_points]
    return document.model_copy(
        update={
            "access_points": points,
            "tls": document.tls and _tls_beside(path, document.tls),
            "policy": beside(path, document.policy),
            "inventory": beside(path, document.inventory),
            "state_directory": state,
            "federation": federation_beside(path, state, document.federation),
        }
    )


def federation_beside(path: Path, state: Path, federation: Federation | None) -> Federation | None:
    """Return the section with the path in it as it is meant in the document at `path`; the default is in `state`."""
    if federation is None:
        return None
    given = "directory" in federation.model_fields_set
    directory = beside(path, federation.directory) if given else state / federation.directory
    return federation.model_copy(update={"directory": directory})


def state_directory_of(path: Path) -> Path:
    """Return where the gateway of a `gateway.yaml` has its state, also where that file is broken or missing.

    Of a broken file only the line `state_directory: ...` counts; without one the default holds.
    """
    try:
        return load_gateway(path).state_directory
    except DocumentError:
        pass
    try:
        lines = read_text(path).splitlines()
    except DocumentError:
        return DEFAULT_STATE
    for line in lines:
        data = yaml_source.parse(line).data if line.startswith("state_directory:") else None
        if isinstance(data, dict) and isinstance(given := data["state_directory"], str):
            return beside(path, Path(given))
    return DEFAULT_STATE
