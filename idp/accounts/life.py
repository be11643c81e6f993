"""Disabling, enabling and erasing a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.model import (
    DataCopyRow,
    DeletionRow,
    EmailConfirmationRow,
    EnrollmentLinkRow,
    PasswordResetRow,
    PasswordRow,
    PersonRow,
    PhoneConfirmationRow,
    RectificationRow,
    SignUpRow,
)
from idp.accounts.person import ACTIVE, DISABLED, ERASED, Person, as_person, find_person
from idp.authentication.browser_session import end_sessions_of
from idp.authentication.certificate_suspension import forget_suspensions
from idp.authentication.interaction import forget_passwords_verified
from idp.authentication.known_device import forget_devices
from idp.authentication.login_place import forget_place
from idp.authentication.phone_recovery import drop_phone_recovery
from idp.authentication.recovery_codes import remove_recovery_codes
from idp.authentication.totp import remove_totp
from idp.broker.links import forget_upstream
from idp.codes.code_factor import remove_code_factor
from idp.codes.grid_card import remove_grid_cards
from idp.codes.sent_code import remove_sent_codes
from idp.desk.leaving import end_help, forget_help
from idp.directories.links import forget_links
from idp.events.announcement import announce_to_services
from idp.levels.evidence import DESK, OPERATOR, forget_evidence, lower_level, record_evidence
from idp.notices.mail import remove_mails_of
from idp.notices.sms import remove_sms_of
from idp.passkeys.upkeep import erase_passkeys
from idp.protocol.security_event import ACCOUNT_DISABLED, ACCOUNT_ENABLED, ACCOUNT_PURGED, account_event
from idp.rights.leaving import forget_belongings
from idp.services import IdpServices
from idp.ussd.pin import drop_pin
from kernel.errors import Conflict


def disable_person(session: Session, *, services: IdpServices, person_id: str, actor: str, now: datetime) -> Person:
    """Disable the person: sessions end, nobody logs in; data stay. :raises Conflict: (``not_active``)."""
    _change_status(session, person_id, ACTIVE, DISABLED, now=now)
    _record(session, services, EventType.ACCOUNT_DISABLED, ACCOUNT_DISABLED, person_id, actor, now=now)
    end_sessions_of(session, journal=services.journal, person_id=person_id, reason="disabled", now=now)
    _drop_journeys(session, services, person_id, now=now)
    return find_person(session, person_id)


def enable_person(session: Session, *, services: IdpServices, person_id: str, actor: str, now: datetime) -> Person:
    """Let a disabled person in again. :raises Conflict: (``not_disabled``)."""
    _change_status(session, person_id, DISABLED, ACTIVE, now=now)
    _record(session, services, EventType.ACCOUNT_ENABLED, ACCOUNT_ENABLED, person_id, actor, now=now)
    return find_person(session, person_id)


def verify_identity(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    level: int,
    actor: str,
    now: datetime,
    evidence: Mapping[str, str] | None = None,
) -> Person:
    """Note how well the person's identity was checked, and by whom; a lower level takes back what lifted it higher.

    :param evidence: what it rests on, in public words and ids, never a document's number.
    :raises Conflict: (``not_active``).
    """
    if level < find_person(session, person_id).level:
        return lower_level(
            session, services=services, person_id=person_id, level=level, reason=OPERATOR, actor=actor, now=now
        )
    told = evidence or {}
    return record_evidence(
        session,
        services=services,
        person_id=person_id,
        level=level,
        method=DESK if told.get("method") == DESK else OPERATOR,
        reference=told.get("check"),
        document=told.get("document"),
        evidence=evidence,
        actor=actor,
        now=now,
    )


def erase_person(session: Session, *, services: IdpServices, person_id: str, actor: str, now: datetime) -> None:
    """Destroy the person's data and the key of what the evidence says about him: the proofs still verify.

    :raises NotFound: (``unknown_person``); :raises Conflict: (``already_erased``).
    """
    person = find_person(session, person_id)
    if person.status == ERASED:
        raise Conflict("This person was erased before.", code="already_erased")
    forget_belongings(session, services=services, person_id=person_id, actor=actor, now=now)
    end_sessions_of(session, journal=services.journal, person_id=person_id, reason="erased", now=now)
    forget_suspensions(session, person_id=person_id)
    services.personal_certificates.revoke_all(session, person_id, actor=actor, now=now)
    remove_totp(session, services=services, person_id=person_id, factor_id=None, now=now)
    erase_passkeys(session, person_id=person_id)
    remove_recovery_codes(session, person_id=person_id)
    remove_sent_codes(session, person_id=person_id)
    remove_code_factor(session, person_id=person_id, channel=None)
    remove_grid_cards(session, person_id=person_id)
    forget_devices(session, person_id=person_id)
    forget_place(session, person_id=person_id)
    forget_links(session, person_id=person_id)
    forget_upstream(session, person_id=person_id)
    session.execute(delete(PasswordRow).where(PasswordRow.person_id == person_id))
    session.execute(
        delete(SignUpRow).where(
            or_(
                SignUpRow.person_id == person_id,
                (SignUpRow.cedula if person.cedula else SignUpRow.passport) == person.document,
            )
        )
    )
    remove_mails_of(session, person_id=person_id)
    remove_sms_of(session, person_id=person_id)
    drop_pin(session, person_id=person_id)
    for own in (DataCopyRow, DeletionRow, RectificationRow):
        session.execute(delete(own).where(own.person_id == person_id))
    _drop_journeys(session, services, person_id, now=now)
    forget_help(session, person_id=person_id)
    forget_evidence(session, person_id=person_id)
    services.duties.forget(session, person_id)
    session.execute(
        update(PersonRow)
        .where(PersonRow.id == person_id)
        .values(
            cedula=None,
            passport=None,
            given_names="",
            surnames="",
            email=None,
            email_verified_at=None,
            phone=None,
            phone_verified_at=None,
            birth_date=None,
            status=ERASED,
            updated_at=now,
        )
    )
    _record(session, services, EventType.ACCOUNT_ERASED, ACCOUNT_PURGED, person_id, actor, now=now)
    session.flush()
    # Last: whatever was recorded above under the key is unreadable from here on.
    services.journal.holder_keys.destroy(session, person_id, now=now)


def set_locale(session: Session, *, services: IdpServices, person_id: str, locale: str, now: datetime) -> Person:
    """Remember the language that the person reads."""
    row = session.get_one(PersonRow, person_id)
    if row.locale != locale:
        row.locale, row.updated_at = locale, now
        services.journal.record(
            session,
            Event(type=EventType.ACCOUNT_UPDATED, subject=person_id, details={"changed": ["locale"]}),
            now=now,
        )
    return as_person(row)


def _record(
    session: Session,
    services: IdpServices,
    kind: EventType,
    announced: str,
    person_id: str,
    actor: str,
    *,
    now: datetime,
) -> None:
    """Put the change on record and tell the services that the person uses."""
    event_id = services.journal.record(session, Event(type=kind, subject=person_id, actor=actor), now=now)
    event = account_event(announced)
    announce_to_services(session, event, person_id=person_id, event_id=event_id, now=now)


def _change_status(session: Session, person_id: str, before: str, after: str, *, now: datetime) -> None:
    find_person(session, person_id)
    changed = session.execute(
        update(PersonRow)
        .where(PersonRow.id == person_id, PersonRow.status == before)
        .values(status=after, updated_at=now)
        .returning(PersonRow.id)
    ).scalar_one_or_none()
    if changed is None:
        raise Conflict(f"This person is not {before}.", code=f"not_{before}")
    session.expire_all()


def _drop_journeys(session: Session, services: IdpServices, person_id: str, *, now: datetime) -> None:
    end_help(session, services=services, person_id=person_id, now=now)
    session.execute(delete(PasswordResetRow).where(PasswordResetRow.person_id == person_id))
    session.execute(delete(EmailConfirmationRow).where(EmailConfirmationRow.person_id == person_id))
    session.execute(delete(PhoneConfirmationRow).where(PhoneConfirmationRow.person_id == person_id))
    session.execute(delete(EnrollmentLinkRow).where(EnrollmentLinkRow.person_id == person_id))
    drop_phone_recovery(session, person_id=person_id)
    forget_passwords_verified(session, person_id=person_id)
