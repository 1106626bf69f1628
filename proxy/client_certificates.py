"""Whose certificate it is that a service shows at an access point with `tls: server`: the inventory says so, or nobody.

A name counts only under the CA that it was written for: another CA may give the same name to somebody else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from proxy.configuration import InventoriedService, Tls
from proxy.identity import IdentityError, is_knowledge_agent, require_strong_key
from proxy.server_tls import fingerprint_of

_MOST_NAMES = 64
"""Of one certificate."""


class ShownCertificate(NamedTuple):
    """A certificate that a service has shown, with a verified chain."""

    service: str | None
    """Address of the service that the inventory has it for; None where it has none."""
    client_id: str | None = None
    """What the same certificate is called at Knowledge Agents; None where it is shown to none."""


class ClientCertificates:
    """The certificates of services that the inventory knows."""

    def __init__(self, services: Sequence[InventoriedService], tls: Tls | None) -> None:
        """Take them from the inventory; `tls` says which CA is meant where it names none."""
        default = None if tls is None else tls.site_ca
        self._by_fingerprint: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], str] = {}
        for service in services:
            for each in service.certificates:
                authority = each.ca or default
                if each.fingerprint is not None:
                    self._by_fingerprint[each.fingerprint] = service.address
                elif each.name is not None and authority is not None:
                    self._by_name[same_file(authority), each.name] = service.address

    def services_of(self, certificate: x509.Certificate, authority: Path) -> set[str]:
        """Return the services that a certificate is for by its fingerprint or one of its names.

        Args:
            certificate: Whose chain has been verified.
            authority: Against which CA.

        Raises:
            IdentityError: its names cannot be read.
        """
        found = {
            self._by_fingerprint.get(fingerprint_of(certificate.public_bytes(Encoding.DER))),
            *(self._by_name.get((same_file(authority), name)) for name in names_of(certificate)),
        }
        return {service for service in found if service is not None}

    def service_of(self, certificate: x509.Certificate, authority: Path) -> str | None:
        """Return the service whose certificate it is; None where it is nobody's.

        Raises:
            IdentityError: it is a Knowledge Agent's, or is for several services, or cannot be read.
        """
        if is_knowledge_agent(certificate):
            raise IdentityError("it is marked as a Knowledge Agent's, which is no service's")
        require_strong_key(certificate)
        services = sorted(self.services_of(certificate, authority))
        if len(services) > 1:
            raise IdentityError(f"the inventory has it for {' and for '.join(services)}")
        return services[0] if services else None


def same_file(path: Path) -> str:
    """Return how the path of a CA is compared."""
    return os.path.abspath(path)  # noqa: PTH100 -- `resolve` would follow links, and read the disk


def names_of(certificate: x509.Certificate) -> set[str]:
    """Return the names of a certificate in lower case: its DNS names, or the common name if it has no subjectAltName.

    Raises:
        IdentityError: they cannot be read.
    """
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternative.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [str(each.value) for each in found] if len(found) == 1 else []
    except (ValueError, x509.DuplicateExtension) as error:
        raise IdentityError(f"its extensions cannot be read: {error}") from error
    if len(names) > _MOST_NAMES:
        raise IdentityError(f"it has more than {_MOST_NAMES} names")
    # Beyond ASCII there are letters whose lower case is an ASCII one.
    return {name.lower() for name in names if name.isascii()}
