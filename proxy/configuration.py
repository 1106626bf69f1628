"""The gateway's own configuration files: `gateway.yaml` and `inventory.yaml`."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from policy.document import PolicyDocument
from policy.loading import load_document

Port = Annotated[int, Field(ge=1, le=65535)]
AgentName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]
ServiceAddress = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._:-]+/[A-Za-z0-9._:-]+$")]

KIB = 1024


class TlsMode(StrEnum):
    """Whether an access point speaks TLS; declared, never inferred from first bytes."""

    REQUIRED = "required"
    PLAIN = "plain"


class Document(BaseModel):
    """Base of every section: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interfaces(Document):
    """The gateway's network interfaces."""

    services: Annotated[list[str], Field(min_length=1)]
    """Interfaces on the side of the services (the IoT network)."""
    access_points: Annotated[list[str], Field(min_length=1)]
    """Interfaces on the side of the access points."""


class Listen(Document):
    """Addresses of this machine, on the services' side, that the proxy listens on."""

    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.ipv4 is None and self.ipv6 is None:
            raise ValueError("give at least one of ipv4 and ipv6")
        return self


class AccessPoint(Document):
    """One access point of the middleware that the gateway stands in front of."""

    agent: AgentName
    """Name of the Knowledge Agent: the first segment of its addresses and the CN of its certificate."""
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    port: Port
    """Port that services call."""
    listen_port: Port
    """Port of the gateway that those calls are redirected to; one of its own for each access point."""
    tls: TlsMode
    decoder: Literal["vsl"] = "vsl"

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.ipv4 is None and self.ipv6 is None:
            raise ValueError("give at least one of ipv4 and ipv6")
        return self


class KeyPair(Document):
    """A certificate with its chain and its private key, both PEM."""

    certificate: Path
    key: Path


class Tls(Document):
    """Certificates. Paths are relative to the file they are written in."""

    site_ca: Path
    """The site's CA: services and access points are verified against it, and against nothing else."""
    towards_services: KeyPair
    """Shown to services. Its issuer is what services trust, usually the site's CA."""
    towards_access_points: KeyPair
    """A KA certificate of the site's CA; with it the gateway passes on the identity of services."""


class Limits(Document):
    """Bounds on what one call may cost."""

    body_bytes: Annotated[int, Field(ge=256, le=1024 * KIB)] = 64 * KIB
    """Largest request body."""
    answer_bytes: Annotated[int, Field(ge=KIB, le=64 * 1024 * KIB)] = 4 * 1024 * KIB
    """Largest answer of an access point."""
    accesses_per_call: Annotated[int, Field(ge=1, le=1024)] = 64
    """Most nodes that one call may touch; above it the call is refused."""
    connections: Annotated[int, Field(ge=16, le=100_000)] = 4096
    """Most connections at a time; above it new ones are refused."""
    audit_queue: Annotated[int, Field(ge=64, le=1_000_000)] = 8192
    """Most verdicts waiting for the disk; above it calls are refused."""


class GatewayDocument(Document):
    """`gateway.yaml`: where the gateway stands and what it stands in front of."""

    interfaces: Interfaces
    listen: Listen
    access_points: Annotated[list[AccessPoint], Field(min_length=1)]
    tls: Tls | None = None
    """Needed as soon as one access point has `tls: required`."""
    policy: Path = Path("policy.yaml")
    inventory: Path = Path("inventory.yaml")
    state_directory: Path = Path("/var/lib/alleyes")
    """Models, quarantines and the audit log."""
    fail_mode: Literal["closed"] = "closed"
    """`closed`: while the gateway is down, no call passes."""
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("agent", "listen_port"):
            values = [getattr(point, name) for point in self.access_points]
            if twice := sorted({str(value) for value in values if values.count(value) > 1}):
                raise ValueError(f"{name} must differ between access points; twice: {', '.join(twice)}")
        ends = [
            (str(ip), point.port) for point in self.access_points for ip in (point.ipv4, point.ipv6) if ip is not None
        ]
        if twice := sorted({f"{ip} port {port}" for ip, port in ends if ends.count((ip, port)) > 1}):
            raise ValueError(f"two access points share {', '.join(twice)}")
        for point in self.access_points:
            if point.ipv4 is not None and self.listen.ipv4 is None:
                raise ValueError(f"access point {point.agent} has an IPv4 address; give listen.ipv4 as well")
            if point.ipv6 is not None and self.listen.ipv6 is None:
                raise ValueError(f"access point {point.agent} has an IPv6 address; give listen.ipv6 as well")
        if self.tls is None and any(point.tls is TlsMode.REQUIRED for point in self.access_points):
            raise ValueError("an access point has tls: required; give the tls section with its certificates")
        return self


class InventoriedService(Document):
    """What the operator knows of one service instance."""

    address: ServiceAddress
    location: Annotated[str, Field(min_length=1)] | None = None
    """Room or zone; any name, only equality counts."""
    service_type: Annotated[str, Field(pattern=r"^/")] | None = None
    """For services that the access point does not know the type of."""
    ip: IPv4Address | IPv6Address | None = None
    """Network address of a service that has no certificate."""


class InventoryDocument(Document):
    """`inventory.yaml`: what the middleware does not say about the services of the site."""

    services: list[InventoriedService] = []
    protected: list[IPv4Address | IPv6Address] = []
    """Addresses that must never be quarantined: router, DNS, operators."""

    @model_validator(mode="after")
    def _unique(self) -> Self:
        addresses = [service.address for service in self.services]
        if twice := sorted({address for address in addresses if addresses.count(address) > 1}):
            raise ValueError(f"services listed twice: {', '.join(twice)}")
        ips = [str(service.ip) for service in self.services if service.ip is not None]
        if twice := sorted({ip for ip in ips if ips.count(ip) > 1}):
            raise ValueError(f"two services share the address {', '.join(twice)}: an address can identify only one")
        return self


DOCUMENTS: dict[str, type[BaseModel]] = {
    "gateway": GatewayDocument,
    "policy": PolicyDocument,
    "inventory": InventoryDocument,
}
"""Every configuration file, by the name of its schema in `config/`."""


def _beside(path: Path, file: Path) -> Path:
    return file if file.is_absolute() else path.parent / file


def _pair_beside(path: Path, pair: KeyPair) -> KeyPair:
    return KeyPair(certificate=_beside(path, pair.certificate), key=_beside(path, pair.key))


def load_gateway(path: Path) -> GatewayDocument:
    """Load `gateway.yaml` with its paths made relative to the file.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    document = load_document(path, GatewayDocument)
    tls = document.tls and Tls(
        site_ca=_beside(path, document.tls.site_ca),
        towards_services=_pair_beside(path, document.tls.towards_services),
        towards_access_points=_pair_beside(path, document.tls.towards_access_points),
    )
    return document.model_copy(
        update={
            "tls": tls,
            "policy": _beside(path, document.policy),
            "inventory": _beside(path, document.inventory),
            "state_directory": _beside(path, document.state_directory),
        }
    )
