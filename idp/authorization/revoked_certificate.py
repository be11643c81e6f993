"""What ends with a certificate that is revoked or suspended: sessions that began with it, and grants bound to it.

Tokens and clients ask for the certificate's standing at each use and stop at once; this ends what nobody asks about,
and says so to whoever has to hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.model import AuditEvent
from audit.vocabulary import EventType
from idp.authentication.browser_session import end_sessions_on_certificate
from idp.events.announcement import announce_to_services
from idp.levels.evidence import let_go_of_certificate
from idp.protocol.security_event import credential_change
from idp.services import IdpServices
from idp.tokens.family import revoke_families_on_certificate
from kernel.identifiers import b64url

REASON = "certificate_revoked"


@dataclass(frozen=True)
class LetGoOfCertificate:
    """The provider's listener: see ``ca.ports.RevocationListener``."""

    services: IdpServices

    def certificate_revoked(
        self, *, serial: str, certificate_sha256: str | None, person_id: str | None, reason: str
    ) -> None:
        """End, in one transaction, all that rests on the certificate. A second call finds nothing left to end.

        :param certificate_sha256: lower-case hex; None: never signed, so nothing can rest on it.
        :param person_id: who could log in with it: the services that he uses hear that he cannot any more.
        """
        if certificate_sha256 is None:
            return
        x5t_s256, now = b64url(bytes.fromhex(certificate_sha256)), self.services.clock.now()
        journal = self.services.journal
        with self.services.database.transaction() as session:
            revoke_families_on_certificate(session, journal=journal, x5t_s256=x5t_s256, reason=REASON, now=now)
            end_sessions_on_certificate(session, journal=journal, x5t_s256=x5t_s256, reason=REASON, now=now)
            let_go_of_certificate(session, services=self.services, x5t_s256=x5t_s256, reason=REASON, now=now)
            if person_id is not None and not _is_withdrawn(session, person_id=person_id, serial=serial):
                _withdraw(session, journal, person_id=person_id, serial=serial, reason=reason, now=now)


def _is_withdrawn(session: Session, *, person_id: str, serial: str) -> bool:
    """Told before; what was told before a suspension ended counts no more."""
    same = AuditEvent.subject == person_id, AuditEvent.object_id == serial
    released = (
        select(func.max(AuditEvent.occurred_at))
        .where(AuditEvent.type == EventType.CERTIFICATE_HOLD_RELEASED.value, *same)
        .scalar_subquery()
    )
    told = AuditEvent.type == EventType.CERTIFICATE_WITHDRAWN.value
    since = or_(released.is_(None), AuditEvent.occurred_at >= released)
    return bool(session.scalar(select(exists().where(told, since, *same))))


def _withdraw(session: Session, journal: Journal, *, person_id: str, serial: str, reason: str, now: datetime) -> None:
    event = Event(type=EventType.CERTIFICATE_WITHDRAWN, subject=person_id, object_id=serial, details={"reason": reason})
    event_id = journal.record(session, event, now=now)
    change = credential_change(credential="x509", change="revoke", now=now)
    announce_to_services(session, change, person_id=person_id, event_id=event_id, now=now)
