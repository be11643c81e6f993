"""What ends with a certificate: sessions that began with it, and grants that are bound to it or were given in them.

Tokens and clients ask for the certificate's standing at each use and stop at once; this ends what nobody asks about,
and says so to whoever has to hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from idp.authentication.browser_session import end_sessions_on_certificate
from idp.services import IdpServices
from idp.tokens.family import revoke_families_on_certificate
from kernel.identifiers import b64url

REASON = "certificate_revoked"


@dataclass(frozen=True)
class LetGoOfCertificate:
    """The provider's listener: see ``ca.ports.RevocationListener``."""

    services: IdpServices

    def certificate_revoked(self, *, serial: str, certificate_sha256: str | None, reason: str) -> None:
        """End, in one transaction, all that rests on the certificate. A second call finds nothing left to end.

        :param certificate_sha256: lower-case hex; None: never signed, so nothing can rest on it.
        """
        if certificate_sha256 is None:
            return
        x5t_s256, now = b64url(bytes.fromhex(certificate_sha256)), self.services.clock.now()
        journal = self.services.journal
        with self.services.database.transaction() as session:
            revoke_families_on_certificate(session, journal=journal, x5t_s256=x5t_s256, reason=REASON, now=now)
            end_sessions_on_certificate(session, journal=journal, x5t_s256=x5t_s256, reason=REASON, now=now)
