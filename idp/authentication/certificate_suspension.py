"""A person puts a certificate aside for a while: it logs nobody in here until he takes it up again.

For who cannot find it and hopes to. The authority has no ``certificateHold``, so that a signature's worth never comes
and goes: what the certificate signs elsewhere is not touched, and who has lost it for good revokes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.person import Person
from idp.authentication.browser_session import end_sessions_on_certificate
from idp.authentication.model import SuspendedCertificateRow
from idp.notices.notify import notify_everywhere
from idp.ports import PersonalCertificate
from idp.services import IdpServices
from idp.tokens.family import revoke_families_on_certificate
from kernel.errors import Conflict, Denied, NotFound

REASON = "certificate_suspended"


def list_suspended(session: Session, person_id: str) -> Mapping[str, datetime]:
    """Return since when certificates of the person are put aside, by serial."""
    rows = session.scalars(select(SuspendedCertificateRow).where(SuspendedCertificateRow.person_id == person_id))
    return {row.serial: row.since for row in rows}


def require_not_suspended(session: Session, *, serial: str | None) -> None:
    """:raises Denied: (``certificate_suspended``) while its holder has put the certificate aside."""
    if serial is not None and session.get(SuspendedCertificateRow, serial) is not None:
        raise Denied("Its holder has put this certificate aside.", code="certificate_suspended")


def suspend_certificate(session: Session, *, services: IdpServices, person: Person, serial: str, now: datetime) -> None:
    """Put the person's certificate aside: sessions and grants that rest on it end. The caller has checked a step-up.

    :raises NotFound: (``unknown_certificate``), another's too. :raises Conflict: (``not_for_login``) where there is
        nothing to put aside: it logs nobody in, or has ended.
    """
    found = _own(session, services, person.id, serial, now=now)
    if not found.for_login or found.standing not in ("valid", "not_yet_valid") or found.x5t_s256 is None:
        raise Conflict("This certificate logs nobody in.", code="not_for_login")
    if session.get(SuspendedCertificateRow, serial) is not None:
        return  # a double submit
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    made = session.execute(
        insert(SuspendedCertificateRow)
        .values(serial=serial, person_id=person.id, since=now)
        .on_conflict_do_nothing()
        .returning(SuspendedCertificateRow.serial)
    ).scalar_one_or_none()
    if made is None:
        return  # two at once: the other one did it
    services.journal.record(
        session, Event(type=EventType.CERTIFICATE_SUSPENDED, subject=person.id, object_id=serial), now=now
    )
    revoke_families_on_certificate(session, journal=services.journal, x5t_s256=found.x5t_s256, reason=REASON, now=now)
    end_sessions_on_certificate(session, journal=services.journal, x5t_s256=found.x5t_s256, reason=REASON, now=now)
    _tell(session, services, person, "suspended", now=now)


def release_certificate(session: Session, *, services: IdpServices, person: Person, serial: str, now: datetime) -> None:
    """Let the certificate log its holder in again. The caller has checked a step-up; a double submit is none."""
    released = session.execute(
        delete(SuspendedCertificateRow)
        .where(SuspendedCertificateRow.serial == serial, SuspendedCertificateRow.person_id == person.id)
        .returning(SuspendedCertificateRow.serial)
    ).scalar_one_or_none()
    if released is None:
        _own(session, services, person.id, serial, now=now)
        return
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
        session, services=services, person=person, template="certificate_put_aside", context={"change": change}, now=now
    )
