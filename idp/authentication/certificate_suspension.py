"""A person suspends a certificate of his own, for who cannot find it and hopes to, and takes it up again.

The authority puts it on hold (``certificateHold``) for everyone; here ends at once what rests on it. Earlier releases
only refused its login here: what was put aside with them (:class:`SuspendedCertificateRow`) still is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import Person
from idp.authentication.assurance import ACR_2FA, satisfies
from idp.authentication.browser_session import BrowserSession, end_sessions_on_certificate
from idp.authentication.model import SuspendedCertificateRow
from idp.notices.notify import notify_everywhere
from idp.ports import PersonalCertificate
from idp.services import IdpServices
from idp.tokens.family import revoke_families_on_certificate
from kernel.errors import Denied, NotFound

REASON = "certificate_suspended"
ON_HOLD = "on_hold"  # as idp.ports.PersonalCertificate.standing has it


def list_suspended(session: Session, person_id: str) -> Mapping[str, datetime]:
    """Return since when certificates are put aside by the person in an earlier release, by serial."""
    rows = session.scalars(select(SuspendedCertificateRow).where(SuspendedCertificateRow.person_id == person_id))
    return {row.serial: row.since for row in rows}


def require_not_suspended(session: Session, *, serial: str | None) -> None:
    """:raises Denied: (``certificate_suspended``) while its holder has put the certificate aside."""
    if serial is not None and session.get(SuspendedCertificateRow, serial) is not None:
        raise Denied("Its holder has put this certificate aside.", code="certificate_suspended")


def suspend_certificate(session: Session, *, services: IdpServices, person: Person, serial: str, now: datetime) -> None:
    """Suspend the person's certificate: sessions and grants that rest on it end. The caller has checked a step-up.

    :raises NotFound: (``unknown_certificate``), another's too. :raises Denied: ``profile_forbids_hold``.
    :raises Conflict: ``already_revoked``. :raises Rejected: ``certificate_expired``. A double submit is none.
    """
    found = _own(session, services, person.id, serial, now=now)
    if found.standing == ON_HOLD:
        return  # a double submit
    services.personal_certificates.hold(session, person.id, serial=serial, now=now)
    services.journal.record(
        session, Event(type=EventType.CERTIFICATE_SUSPENDED, subject=person.id, object_id=serial), now=now
    )
    if found.x5t_s256 is not None:
        journal, thumbprint = services.journal, found.x5t_s256
        revoke_families_on_certificate(session, journal=journal, x5t_s256=thumbprint, reason=REASON, now=now)
        end_sessions_on_certificate(session, journal=journal, x5t_s256=thumbprint, reason=REASON, now=now)
    _tell(session, services, person, "suspended", now=now)


def release_certificate(
    session: Session, *, services: IdpServices, person: Person, login: BrowserSession, serial: str, now: datetime
) -> None:
    """Let the certificate count again. The caller has checked a recent login; a double submit is none.

    :param login: with which the person asks: worth two factors, and not resting on this certificate. Who holds the
        certificate alone must not be able to take it up again.
    :raises NotFound: (``unknown_certificate``). :raises Denied: ``release_needs_other_factor``, ``hold_of_others``.
    """
    found = _own(session, services, person.id, serial, now=now)
    before = session.get(SuspendedCertificateRow, serial)
    if found.standing != ON_HOLD and before is None:
        return  # a double submit
    if not satisfies(login.acr, ACR_2FA) or (login.x5t_s256 is not None and login.x5t_s256 == found.x5t_s256):
        error = Denied("Log in with another strong factor.", code="release_needs_other_factor")
        refused = Event(
            type=EventType.CERTIFICATE_RELEASED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=person.id,
            object_id=serial,
        )
        services.journal.refuse(session, refused, error, now=now)
    if found.standing == ON_HOLD:
        services.personal_certificates.release(session, person.id, serial=serial, now=now)
    session.execute(delete(SuspendedCertificateRow).where(SuspendedCertificateRow.serial == serial))
    services.journal.record(
        session, Event(type=EventType.CERTIFICATE_RELEASED, subject=person.id, object_id=serial), now=now
    )
    _tell(session, services, person, "released", now=now)


def forget_suspensions(session: Session, *, person_id: str) -> None:
    """Delete what an erased person had put aside."""
    session.execute(delete(SuspendedCertificateRow).where(SuspendedCertificateRow.person_id == person_id))


def _own(session: Session, services: IdpServices, person_id: str, serial: str, *, now: datetime) -> PersonalCertificate:
    for found in services.personal_certificates.list_of(session, person_id, now=now):
        if found.serial == serial:
            return found
    raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")


def _tell(session: Session, services: IdpServices, person: Person, change: str, *, now: datetime) -> None:
    notify_everywhere(
        session,
        services=services,
        person=person,
        template="certificate_put_aside",
        context={"change": change, "by": ""},
        now=now,
    )
