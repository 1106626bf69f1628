"""The settings of an access point with `tls: server`: what services are shown and asked for, and whom it has to be."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from policy.loading import invalid
from policy.section import Section

FINGERPRINT_SPELLING = "^sha256:([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$"
_HTTPS = 443
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_CERTIFICATE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9 ._@:-]{0,251}[a-z0-9])?")


def _fingerprint(text: str) -> str:
    if re.fullmatch(FINGERPRINT_SPELLING, text) is None:
        raise invalid(
            f"{text!r} is no fingerprint", "write sha256: and what `openssl x509 -noout -fingerprint -sha256` prints"
        )
    return f"sha256:{text.removeprefix('sha256:').replace(':', '').lower()}"


def _host(name: str) -> str:
    lowered = name.lower().rstrip(".") if name.isascii() else name
    try:
        return str(ip_address(lowered))
    except ValueError:
        pass
    if _NAME.fullmatch(lowered) is None or lowered.rpartition(".")[2].isdigit():
        raise invalid(
            f"{name!r} is neither a host name nor an IP address", "write what the certificate has, without * and port"
        )
    return lowered


def _certificate_name(name: str) -> str:
    lowered = name.lower() if name.isascii() else name
    if _CERTIFICATE_NAME.fullmatch(lowered) is None:
        raise invalid(
            f"{name!r} cannot be the name in a certificate",
            "write a whole name without *, in ASCII, or give the `fingerprint` instead",
        )
    return lowered


Fingerprint = Annotated[str, AfterValidator(_fingerprint), Field(json_schema_extra={"pattern": FINGERPRINT_SPELLING})]
"""SHA-256 of a certificate in DER."""
HostName = Annotated[str, AfterValidator(_host)]
CertificateName = Annotated[str, AfterValidator(_certificate_name)]


class ServiceSide(Section):
    """Towards services, at one access point with `tls: server`."""

    certificate: Path | None = None
    """What services are shown there, with its chain, PEM. Default: `tls.towards_services`."""
    key: Path | None = None
    """Its private key, PEM."""
    client_ca: Path | None = None
    """CA of the certificates that services may show there, PEM. Default: `tls.site_ca`."""
    client_certificates: Literal["optional", "required", "none"] = "optional"
    """`optional`: asked for where there is a CA for them, and who shows none is known by less. `required`: who shows
    none is refused. `none`: not asked for."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise invalid("has one of certificate and key, but not the other", "give both, or neither")
        if self.client_ca is not None and self.client_certificates == "none":
            raise invalid(
                "has a client_ca, and asks for no certificates", "remove it, or write `client_certificates: optional`"
            )
        return self


class AccessPointSide(Section):
    """Towards one access point with `tls: server`: how it is told from an impostor."""

    fingerprint: Fingerprint | None = None
    """SHA-256 of the very certificate that it shows, for one that signed itself: `sha256:` and 64 digits."""
    ca: Path | None = None
    """CA that its certificate is verified against, PEM; with `name`."""
    name: HostName | None = None
    """Host name or IP address that its certificate must have as subjectAltName; with `ca`."""
    certificate: Path | None = None
    """What the gateway shows it, where it asks for a certificate, with its chain, PEM."""
    key: Path | None = None
    """Its private key, PEM."""

    @model_validator(mode="after")
    def _verifiable(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise invalid("has one of certificate and key, but not the other", "give both, or neither")
        if (self.ca is None) != (self.name is None):
            raise invalid(
                "has one of ca and name, but not the other",
                "give both: a CA vouches for many, so that the name says which of them it is",
            )
        if (self.ca is None) == (self.fingerprint is None):
            raise invalid(
                "has neither fingerprint nor ca and name" if self.ca is None else "has both a fingerprint and a ca",
                "give one of the two ways to tell it from an impostor",
            )
        return self

    @property
    def server_name(self) -> str | None:
        """The host name to ask for (SNI); None where there is none, or it is an address."""
        if self.name is None:
            return None
        try:
            ip_address(self.name)
        except ValueError:
            return self.name
        return None

    def authority(self, port: int) -> str | None:
        """Return what Host says (RFC 9110, section 7.2) of a server with a name; None without one."""
        name = self.server_name
        return name if name is None or port == _HTTPS else f"{name}:{port}"


class ServiceCertificate(Section):
    """How the certificate of a service is recognised, at access points with `tls: server`."""

    fingerprint: Fingerprint | None = None
    """SHA-256 of the very certificate: `sha256:` and 64 digits. Not of one that takes its place."""
    name: CertificateName | None = None
    """Its subjectAltName (DNS), or its common name where it has no subjectAltName."""
    ca: Path | None = None
    """CA that must have verified it for the name to count: the `client_ca` of the access points. Default:
    `tls.site_ca`."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.name is None) == (self.fingerprint is None):
            found = "neither name nor fingerprint" if self.name is None else "both name and fingerprint"
            raise invalid(f"has {found}", "give one of them; several entries may be the service's")
        if self.ca is not None and self.name is None:
            raise invalid("has a ca, but no name that it vouches for", "remove it, or give `name`")
        return self
