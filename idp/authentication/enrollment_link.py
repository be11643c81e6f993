"""One-time links by which the first administrator, and people whom an operator adds, set password and second factor.

Opening a link changes nothing (mail scanners open links); setting the password notes it; confirming the second
factor redeems the link, and only then is there a person with a password. Whoever has a second factor already must
show it: a link is no way around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.model import EnrollmentLinkRow, PersonRow
from idp.accounts.person import Person, add_person, as_person, find_person
from idp.accounts.sign_up import Identity
from idp.authentication.assurance import AMR_OTP
from idp.authentication.enrollment_tries import (
    forgive_enrollment_tries,
    refuse_first_code,
    take_enrollment_try,
)
from idp.authentication.password import store_password
from idp.authentication.password_reset import replace_password
from idp.authentication.recovery_codes import issue_recovery_codes
from idp.authentication.second_factor import require_second_factor
from idp.authentication.second_factor_kinds import SecondFactor, has_second_factor
from idp.authentication.totp import WrongCodeError, matching_step, new_totp_row, record_factor
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, NotFound
from kernel.identifiers import new_id, new_secret, sha256_hex
from keys.sealing import Sealer

LINK_LIFETIME = timedelta(hours=72)


@dataclass(frozen=True)
class EnrollmentLink:
    """A fresh link. ``token`` is shown once and stored as a digest; the page is ``/enroll/{token}``.

    :ivar person_id: whom it makes or lets in; fixed now, so that roles can be granted before it is redeemed.
    """

    token: str
    person_id: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Enrollment:
    """Where the redemption of a link stands.

    :ivar id: the link's row.
    :ivar person: who it is for, or ``None`` where the link's holder says who he is (the first administrator).
    :ivar identity: what he said, once he did.
    :ivar step: ``password`` (with the identity where it is not known), then ``second_factor``.
    :ivar has_second_factor: the second step asks for the one that there is, instead of enrolling one.
    :ivar key: base32 key to enrol, in the second step.
    """

    id: str
    person: Person | None
    identity: Identity | None
    step: str
    has_second_factor: bool
    key: str


def create_enrollment_link(
    session: Session, *, journal: Journal, now: datetime, person_id: str | None = None, actor: str = "command"
) -> EnrollmentLink:
    """Make a link, for the person or (``None``) for whoever holds it; an older link of the person dies.

    :raises NotFound: (``unknown_person``); :raises Conflict: (``not_active``).
    """
    if person_id is not None:
        person = session.get(PersonRow, person_id)
        if person is not None and not as_person(person).is_active:
            raise Conflict("This person is not active.", code="not_active")
        session.execute(
            update(EnrollmentLinkRow)
            .where(
                EnrollmentLinkRow.person_id == person_id,
                EnrollmentLinkRow.redeemed_at.is_(None),
                EnrollmentLinkRow.superseded_at.is_(None),
            )
            .values(superseded_at=now)
        )
    token = new_secret()
    row = EnrollmentLinkRow(
        id=new_id(),
        token_sha256=sha256_hex(token),
        person_id=person_id or new_id(),
        created_at=now,
        expires_at=now + LINK_LIFETIME,
    )
    session.add(row)
    journal.record(
        session,
        Event(type=EventType.ENROLLMENT_LINK_ISSUED, subject=row.person_id, actor=actor, object_id=row.id),
        now=now,
    )
    return EnrollmentLink(token, row.person_id, row.expires_at)


def look_at_enrollment(session: Session, *, services: IdpServices, token: str, now: datetime) -> Enrollment:
    """Return where the link's redemption stands.

    :raises NotFound: (``link_unknown``), :raises AlreadyConsumed: (``link_used``),
    :raises Conflict: (``link_superseded``, ``link_expired``).
    """
    row = _load(session, token, now=now)
    return _as_enrollment(session, services, row)


def find_enrollment_link(session: Session, token: str) -> tuple[str, str] | None:
    """Return the ids of the link and of its person, whatever became of it, or nothing: for the record of a refusal."""
    row = session.execute(
        select(EnrollmentLinkRow.id, EnrollmentLinkRow.person_id).where(
            EnrollmentLinkRow.token_sha256 == sha256_hex(token)
        )
    ).one_or_none()
    return (row.id, row.person_id) if row else None


def note_enrollment_password(
    session: Session, *, services: IdpServices, token: str, identity: Identity | None, phc: str, now: datetime
) -> Enrollment:
    """Keep identity and password hash with the link, and make the key to enrol; nothing is redeemed yet.

    :param identity: needed where the link is for nobody yet, ignored otherwise.
    """
    row = _load(session, token, now=now)
    if session.get(PersonRow, row.person_id) is None:
        if identity is None:
            raise Conflict("Who are you?", code="wrong_step")
        row.cedula, row.email = identity.cedula, identity.email
        row.given_names, row.surnames = identity.given_names, identity.surnames
    row.phc = phc
    if row.sealed_key is None:
        row.sealed_key = _sealer(services).seal(pyotp.random_base32(32).encode(), bound_to=row.id)
    session.flush()
    return _as_enrollment(session, services, row)


def change_enrollment_password(session: Session, *, token: str, now: datetime) -> None:
    """Go back to the first step, to correct what was typed there."""
    _load(session, token, now=now).phc = None


def redeem_enrollment_link(
    session: Session,
    *,
    services: IdpServices,
    token: str,
    kind: SecondFactor,
    code: str,
    device_secret: str | None,
    now: datetime,
) -> tuple[Person, tuple[str, ...]]:
    """Confirm the second factor and redeem the link: exactly once. Return who can log in now, and the ``amr``.

    :raises Conflict: (``wrong_step``, ``cedula_taken``), :raises WrongCodeError: counted,
        or as ``require_second_factor``.
    """
    row = _load(session, token, now=now)
    enrollment = _as_enrollment(session, services, row)
    if enrollment.step != "second_factor" or row.phc is None:
        raise Conflict("The password is due first.", code="wrong_step")
    step: int | None = None
    proved: tuple[str, ...] = (AMR_OTP,)
    if enrollment.has_second_factor:
        proved = require_second_factor(
            session,
            services=services,
            person_id=row.person_id,
            kind=kind,
            code=code,
            device_secret=device_secret,
            purpose="enrollment_link",
            journey=row.id,
            now=now,
        )
    else:
        take_enrollment_try(session, services=services, person_id=row.person_id, code=code, now=now)
        step = matching_step(enrollment.key, code, now=now)
        if step is None:
            error = WrongCodeError("The code does not fit.")
            refuse_first_code(session, error, services=services, person_id=row.person_id, object_id=row.id, now=now)
        forgive_enrollment_tries(session, services=services, person_id=row.person_id)
    _win(session, row, now=now)
    person = enrollment.person or _add(session, services, row, enrollment, now=now)
    if enrollment.person is None:
        store_password(
            session, journal=services.journal, person_id=person.id, phc=row.phc, reason="enrollment_link", now=now
        )
    else:
        replace_password(session, services=services, person=person, phc=row.phc, reason="enrollment_link", now=now)
    if step is not None:
        factor = new_totp_row(services, person_id=person.id, key=enrollment.key, now=now)
        factor.confirmed_at, factor.last_used_at, factor.last_step = now, now, step
        session.add(factor)
        record_factor(session, services, EventType.TOTP_ENROLLED, person_id=person.id, factor_id=factor.id, now=now)
        issue_recovery_codes(session, services=services, person_id=person.id, now=now)
    services.journal.record(
        session, Event(type=EventType.ENROLLMENT_LINK_REDEEMED, subject=person.id, object_id=row.id), now=now
    )
    # What the row kept on the way is no longer needed.
    row.cedula = row.given_names = row.surnames = row.email = row.phc = row.sealed_key = None
    return person, proved


def _win(session: Session, row: EnrollmentLinkRow, *, now: datetime) -> None:
    won = session.execute(
        update(EnrollmentLinkRow)
        .where(
            EnrollmentLinkRow.id == row.id,
            EnrollmentLinkRow.redeemed_at.is_(None),
            EnrollmentLinkRow.superseded_at.is_(None),
        )
        .values(redeemed_at=now)
        .returning(EnrollmentLinkRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise AlreadyConsumed("This link was used.", code="link_used")


def _add(
    session: Session, services: IdpServices, row: EnrollmentLinkRow, enrollment: Enrollment, *, now: datetime
) -> Person:
    if enrollment.identity is None:
        raise Conflict("Who are you?", code="wrong_step")
    return add_person(
        session,
        journal=services.journal,
        person_id=row.person_id,
        cedula=enrollment.identity.cedula,
        given_names=enrollment.identity.given_names,
        surnames=enrollment.identity.surnames,
        email=enrollment.identity.email,
        method="enrollment_link",
        now=now,
    )


def _load(session: Session, token: str, *, now: datetime) -> EnrollmentLinkRow:
    row = session.scalars(
        select(EnrollmentLinkRow).where(EnrollmentLinkRow.token_sha256 == sha256_hex(token))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such link.", code="link_unknown")
    if row.redeemed_at is not None:
        raise AlreadyConsumed("This link was used.", code="link_used")
    if row.superseded_at is not None:
        raise Conflict("A newer link took the place of this one.", code="link_superseded")
    if row.expires_at <= now:
        raise Conflict("This link is too old.", code="link_expired")
    return row


def _as_enrollment(session: Session, services: IdpServices, row: EnrollmentLinkRow) -> Enrollment:
    found = session.get(PersonRow, row.person_id)
    person = find_person(session, row.person_id) if found else None
    identity = None
    if row.cedula and row.given_names and row.surnames and row.email:
        identity = Identity(cedula=row.cedula, given_names=row.given_names, surnames=row.surnames, email=row.email)
    return Enrollment(
        id=row.id,
        person=person,
        identity=identity,
        step="second_factor" if row.phc else "password",
        has_second_factor=person is not None and has_second_factor(session, person.id),
        key=_sealer(services).open(row.sealed_key, bound_to=row.id).decode() if row.sealed_key else "",
    )


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "enrollment-link")
