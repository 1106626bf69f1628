"""The TLS context of the service, and its certificate, which is renewed while the service runs."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from proxy.federation.configuration import FederationDocument
from proxy.federation.service.authority import Authority

_RENEWED_AFTER = 2 / 3
"""Part of its life after which the certificate is renewed."""


@dataclass
class ServerTls:
    """TLS 1.2 and above, with client certificates of the service's own CA alone, asked for and not demanded."""

    document: FederationDocument
    authority: Authority
    renewal: float = 0.0
    """Real time (s) from when on the certificate is to be renewed."""

    def __post_init__(self) -> None:
        """Make the context; it has no certificate yet."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # of TLS 1.2; those of 1.3 are all good
        context.set_alpn_protocols(["http/1.1"])
        # Each connection shows its certificate itself, and no ticket outlives it.
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0
        context.verify_mode = ssl.CERT_OPTIONAL
        # The CA may be one that another vouches for, which need not be here.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=self.authority.pem)
        self.context = context

    def renew(self, now: float) -> bool:
        """Have the CA issue the service's certificate if it is time; return whether it was.

        Args:
            now: Real time, s.

        Raises:
            OSError: the state directory cannot be written.
        """
        if now < self.renewal:
            return False
        seconds = self.document.certificates.server
        issued, key = self.authority.issue_server(self.document.names, now, seconds)
        # Python's ssl takes keys from files alone; this one is gone at once.
        with tempfile.NamedTemporaryFile(dir=self.document.state_directory, prefix="server.") as file:
            file.write(issued.pem.encode() + self.authority.pem.encode() + key)
            file.flush()
            self.context.load_cert_chain(Path(file.name))
        self.renewal = now + (issued.not_after - now) * _RENEWED_AFTER
        return True
