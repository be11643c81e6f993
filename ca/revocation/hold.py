"""Suspending a certificate and taking it up again: the reason ``certificateHold`` of RFC 5280 §5.3.1.

To everyone outside a certificate on hold is a revoked one, with a reason that says that it may come back: lists and
OCSP answers tell of it as of any revocation, and sessions and tokens that rest on it end. A release takes it off the
lists (``removeFromCRL`` on deltas, §5.3.1) and OCSP says good again; nothing that ended comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Authority, Certificate
from ca.revocation.compromised_key import is_compromised
from ca.revocation.model import CertificateHold
from ca.revocation.revoke import CERTIFICATE_REVOKED, LIST_DUE, is_authority_certificate
from ca.revocation.series import advance_revision
from ca.revocation.standing import HOLD
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from kernel.identifiers import new_id
from kernel.outbox import enqueue


class HeldAs(StrEnum):
    """In which capacity somebody suspends or releases; each releases what it suspended, the authority everything."""

    HOLDER = "holder"
    INSTITUTION = "institution"
    AUTHORITY = "authority"


@dataclass(frozen=True)
class Hold:
    """A suspension.

    :ivar held_at: the date on lists and answers, which a revocation after it keeps.
    :ivar release_asked_by: who asked for its end, where another one has to agree.
    """

    serial: str
    subject: str
    held_at: datetime
    held_by: str
    held_as: HeldAs
    release_asked_by: str | None = None
    release_asked_at: datetime | None = None


class Released(StrEnum):
    """What came of a wish to release."""

    RELEASED = "released"
    ASKED = "asked"  # another person has to agree


def may_be_held(services: CaServices, certificate: Certificate) -> bool:
    """Tell whether the certificate's kind allows a suspension: its profile says so, and it is no authority's."""
    try:
        allowed = services.profiles.get(certificate.profile).may_be_held
    except NotFound:
        allowed = False
    return allowed and not is_authority_certificate(certificate)


def find_hold(session: Session, serial: str) -> Hold | None:
    """Return the suspension that the certificate is under, None without one."""
    row = session.execute(
        select(CertificateHold, Certificate.subject)
        .join(Certificate, Certificate.serial == CertificateHold.serial)
        .where(CertificateHold.serial == serial, CertificateHold.ended_at.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()
    return None if row is None else _value(row[0], row[1])


def require_holdable(session: Session, *, services: CaServices, serial: str, now: datetime) -> Certificate:
    """Return the certificate if it may be suspended now.

    :raises NotFound: ``unknown_certificate``. :raises Denied: ``authority_not_held``, ``profile_forbids_hold``.
    :raises Rejected: ``certificate_expired``. :raises Conflict: ``already_revoked``, ``already_on_hold``.
    """
    certificate = _find(session, serial)
    if is_authority_certificate(certificate):
        raise Denied("A certificate of an authority is never suspended.", code="authority_not_held")
    if not may_be_held(services, certificate):
        raise Denied("The profile of this certificate allows no suspension.", code="profile_forbids_hold")
    if certificate.not_after < now:
        raise Rejected("The certificate has expired.", code="certificate_expired")
    if certificate.revoked_at is not None:
        if certificate.revocation_reason == HOLD:
            raise Conflict("The certificate is suspended already.", code="already_on_hold")
        raise Conflict("The certificate is revoked for good.", code="already_revoked")
    return certificate


def hold_certificate(
    session: Session, *, services: CaServices, serial: str, actor: str, held_as: HeldAs, now: datetime
) -> Hold:
    """Suspend a certificate, in the caller's transaction, with its event and the tasks that spread the word.

    :param serial: the stored form, see :func:`ca.serial.parse_serial`. The caller has checked who ``actor`` is.
    :raises ServiceError: as :func:`require_holdable`; each refusal is on record.
    """
    try:
        certificate = require_holdable(session, services=services, serial=serial, now=now)
        # The series first, everywhere: see ca.revocation.revoke.
        revision = advance_revision(session, authority_id=certificate.authority_id, shard=certificate.crl_shard)
        held = session.execute(
            update(Certificate)
            .where(Certificate.serial == serial, Certificate.revoked_at.is_(None))
            .values(revoked_at=now, revocation_reason=HOLD, compromised_at=None, crl_revision=revision)
            .returning(Certificate.revoked_at)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if held is None:
            raise Conflict("Somebody else was faster.", code="already_revoked")
    except ServiceError as error:
        _refuse(session, services, error, kind=EventType.CERTIFICATE_HOLD_REFUSED, serial=serial, actor=actor, now=now)
    session.add(
        CertificateHold(
            id=new_id(),
            serial=serial,
            authority_id=certificate.authority_id,
            crl_shard=certificate.crl_shard,
            held_at=now,
            held_by=actor,
            held_as=held_as.value,
        )
    )
    session.flush()
    _record(session, services, EventType.CERTIFICATE_HELD, certificate, actor=actor, held_as=held_as, now=now)
    _spread(session, certificate, now=now)
    enqueue(session, CERTIFICATE_REVOKED, {"serial": serial, "reason": HOLD}, now=now)
    _tell_holder(session, services, certificate, change="suspended", held_as=held_as, now=now)
    return Hold(serial, certificate.subject, now, actor, held_as)


def release_certificate(
    session: Session, *, services: CaServices, serial: str, actor: str, released_as: HeldAs, now: datetime
) -> Released:
    """End a suspension: the certificate counts again; what ended with it stays ended.

    Where the settings want two people for what the authority releases, the first one asks and another one does it.
    Who suspended as holder or institution needs nobody's leave to take that back.

    :raises NotFound: ``unknown_certificate``. :raises Conflict: ``not_on_hold``. :raises Rejected:
        ``certificate_expired``. :raises Denied: ``hold_of_others`` for what somebody above suspended;
        ``same_person``; ``held_key_compromised`` while the key is blocked.
    """
    try:
        certificate = _find(session, serial)
        row = session.scalars(
            select(CertificateHold)
            .where(CertificateHold.serial == serial, CertificateHold.ended_at.is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if row is None or certificate.revocation_reason != HOLD:
            raise Conflict("The certificate is not suspended.", code="not_on_hold")
        if released_as is not HeldAs.AUTHORITY and row.held_as != released_as.value:
            raise Denied("Only who suspended it takes it up again.", code="hold_of_others")
        if certificate.not_after < now:
            raise Rejected("The certificate has expired.", code="certificate_expired")
        if is_compromised(session, certificate.spki_sha256):
            raise Denied("The key of this certificate is compromised: revoke it.", code="held_key_compromised")
        if released_as is HeldAs.AUTHORITY and services.settings.hold_release_people == 2:
            if row.release_asked_by is None:
                row.release_asked_by, row.release_asked_at = actor, now
                kind = EventType.CERTIFICATE_RELEASE_ASKED
                _record(session, services, kind, certificate, actor=actor, held_as=released_as, now=now)
                session.flush()
                return Released.ASKED
            if row.release_asked_by == actor:
                raise Denied("Another person agrees to what one has asked for.", code="same_person")
        _write_release(session, certificate, row, actor=actor, now=now)
    except ServiceError as error:
        kind = EventType.CERTIFICATE_RELEASE_REFUSED
        _refuse(session, services, error, kind=kind, serial=serial, actor=actor, now=now)
    kind = EventType.CERTIFICATE_HOLD_RELEASED
    _record(session, services, kind, certificate, actor=actor, held_as=released_as, now=now)
    _spread(session, certificate, now=now)
    _tell_holder(session, services, certificate, change="released", held_as=released_as, now=now)
    return Released.RELEASED


def _write_release(
    session: Session, certificate: Certificate, row: CertificateHold, *, actor: str, now: datetime
) -> None:
    revision = advance_revision(session, authority_id=certificate.authority_id, shard=certificate.crl_shard)
    released = session.execute(
        update(Certificate)
        .where(Certificate.serial == certificate.serial, Certificate.revocation_reason == HOLD)
        .values(revoked_at=None, revocation_reason=None, crl_revision=revision)
        .returning(Certificate.serial)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if released is None:
        raise Conflict("Somebody else was faster.", code="not_on_hold")
    row.ended_at, row.ended_by, row.ending, row.release_revision = now, actor, "released", revision
    session.flush()


def _spread(session: Session, certificate: Certificate, *, now: datetime) -> None:
    place = {"authority_id": certificate.authority_id, "shard": certificate.crl_shard}
    enqueue(session, LIST_DUE, place, now=now)


def _tell_holder(
    session: Session, services: CaServices, certificate: Certificate, *, change: str, held_as: HeldAs, now: datetime
) -> None:
    """Who does it himself is told by the house that saw him do it."""
    if certificate.holder_id is not None and held_as is not HeldAs.HOLDER:
        context = {"change": change, "by": "officer"}
        services.letters.to_person(
            session, certificate.holder_id, template="certificate_put_aside", context=context, now=now
        )


def _record(
    session: Session,
    services: CaServices,
    kind: EventType,
    certificate: Certificate,
    *,
    actor: str,
    held_as: HeldAs,
    now: datetime,
) -> None:
    authority = session.get_one(Authority, certificate.authority_id)
    services.journal.record(
        session,
        Event(
            type=kind,
            subject=certificate.holder_id,
            actor=actor,
            object_id=certificate.serial,
            details={"authority": authority.name, "as": held_as.value},
        ),
        now=now,
    )


def _find(session: Session, serial: str) -> Certificate:
    certificate = session.get(Certificate, serial, populate_existing=True)
    if certificate is None:
        raise NotFound("There is no certificate with this serial number.", code="unknown_certificate")
    return certificate


def _value(row: CertificateHold, subject: str) -> Hold:
    return Hold(
        row.serial,
        subject,
        row.held_at,
        row.held_by,
        HeldAs(row.held_as),
        row.release_asked_by,
        row.release_asked_at,
    )


def _refuse(
    session: Session,
    services: CaServices,
    error: ServiceError,
    *,
    kind: EventType,
    serial: str,
    actor: str,
    now: datetime,
) -> NoReturn:
    event = Event(type=kind, outcome=Outcome.REFUSED, reason=error.code, actor=actor, object_id=serial[:40])
    services.journal.refuse(session, event, error, now=now)
