"""The person uses the code from the desk: a new password, then a new second factor, and what was lost is worth nothing.

The code counts from a moment on and to another; it is bound to the browser in which it was typed last. Nothing changes
before the last step, and that happens once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.vocabulary import EventType
from idp.accounts.life import verify_identity
from idp.accounts.model import PersonRow
from idp.accounts.person import VERIFIED_LEVEL, Person, find_person, hold_person
from idp.authentication.enrollment_tries import forgive_enrollment_tries, refuse_first_code, take_enrollment_try
from idp.authentication.factor_removal import remove_every_factor
from idp.authentication.known_device import forget_devices
from idp.authentication.password_reset import replace_password
from idp.authentication.recovery_codes import issue_recovery_codes
from idp.authentication.totp import WrongCodeError, matching_step, new_totp_row, record_factor
from idp.desk.model import DeskRecoveryRow
from idp.desk.recovery_end import close
from idp.desk.recovery_record import CODE, record_recovery
from idp.desk.spoken_code import digest_of_code
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound, Rejected
from kernel.identifiers import sha256_hex
from keys.sealing import Sealer


class NotYetError(Conflict):
    """The code does not count yet. :ivar ready_at: from when it does; None while a second officer is due."""

    default_code = "recovery_waits"

    def __init__(self, ready_at: datetime | None) -> None:
        super().__init__("The account is not given back yet.")
        self.ready_at = ready_at


@dataclass(frozen=True)
class Redemption:
    """Where it stands. :ivar step: ``password``, then ``second_factor``. :ivar key: base32 key to enrol, there."""

    id: str
    person: Person
    step: str
    key: str


def enter_code(
    session: Session, *, services: IdpServices, document: str, code: str, browser_secret: str, now: datetime
) -> Redemption:
    """Take the code in a browser, on record; what another browser had begun with it starts again here.

    :param document: made valid; whoever finds the paper does not have it.
    :raises Rejected: (``recovery_code_wrong``): the same for any code that is not this person's open one.
    :raises NotYetError: before its time.
    """
    row = session.scalars(
        select(DeskRecoveryRow).where(DeskRecoveryRow.code_hmac == digest_of_code(services, CODE, code))
    ).one_or_none()
    person = find_person(session, row.person_id) if row else None
    fits = person is not None and hmac.compare_digest(person.document.encode(), document.encode())
    if row is None or person is None or not fits or not _is_open(row, person, now=now):
        raise Rejected("This code is not open for this person.", code="recovery_code_wrong")
    if row.ready_at is None or row.ready_at > now:
        raise NotYetError(row.ready_at)
    browser = sha256_hex(browser_secret)
    if row.browser_sha256 != browser:
        row.browser_sha256, row.entered_at, row.phc, row.sealed_key = browser, row.entered_at or now, None, None
        _record(session, services, EventType.DESK_RECOVERY_ENTERED, row, now=now)
        session.flush()
    return _as_redemption(session, services, row)


def look_at_redemption(
    session: Session, *, services: IdpServices, recovery_id: str, browser_secret: str | None, now: datetime
) -> Redemption:
    """Return where it stands, for the browser in which the code was typed last.

    :raises NotFound: (``recovery_unknown``), :raises Denied: (``recovery_foreign``),
    :raises AlreadyConsumed: (``recovery_finished``), :raises Conflict: (``recovery_over``): stopped, or too old.
    """
    return _as_redemption(session, services, _load(session, recovery_id, browser_secret, now=now))


def note_new_password(
    session: Session, *, services: IdpServices, recovery_id: str, browser_secret: str | None, phc: str, now: datetime
) -> Redemption:
    """Keep the new password's hash, and make the key to enrol; nothing has changed yet."""
    row = _load(session, recovery_id, browser_secret, now=now)
    row.phc = phc
    if row.sealed_key is None:
        row.sealed_key = _sealer(services).seal(pyotp.random_base32(32).encode(), bound_to=row.id)
    session.flush()
    return _as_redemption(session, services, row)


def finish_recovery(
    session: Session,
    *,
    services: IdpServices,
    recovery_id: str,
    browser_secret: str | None,
    code: str | None,
    now: datetime,
) -> Person:
    """Give the account back: exactly once. Its history and id stay; what was lost opens nothing any more.

    :param code: the first one of the new application; None: the person has no telephone for codes.
    :raises Conflict: (``wrong_step``), :raises WrongCodeError: counted; as :func:`look_at_redemption`.
    """
    row = _load(session, recovery_id, browser_secret, now=now)
    redemption = _as_redemption(session, services, row)
    if redemption.step != "second_factor" or row.phc is None:
        raise Conflict("The password is due first.", code="wrong_step")
    step = _require_first_code(session, services, row, redemption, code, now=now) if code is not None else None
    person, phc = hold_person(session, row.person_id), row.phc
    if not person.is_active or not close(session, row.id, outcome="finished", actor=person.id, now=now):
        raise AlreadyConsumed("This recovery is over.", code="recovery_over")
    session.refresh(row)
    remove_every_factor(session, services=services, person_id=person.id, now=now)
    replace_password(session, services=services, person=person, phc=phc, reason="desk_recovery", now=now)
    forget_devices(session, person_id=person.id)
    if step is not None:
        factor = new_totp_row(services, person_id=person.id, key=redemption.key, now=now)
        factor.confirmed_at, factor.last_used_at, factor.last_step = now, now, step
        session.add(factor)
        record_factor(session, services, EventType.TOTP_ENROLLED, person_id=person.id, factor_id=factor.id, now=now)
        issue_recovery_codes(session, services=services, person_id=person.id, now=now)
    details = {"second_factor": step is not None, "lost_email": row.lost_email, "lost_phone": row.lost_phone}
    _record(session, services, EventType.DESK_RECOVERY_FINISHED, row, details=details, now=now)
    notify_everywhere(session, services=services, person=person, template="recovery_finished", context={}, now=now)
    _drop_lost_contacts(session, row, now=now)
    evidence = {"method": "desk_recovery", "check": row.id, "desk": row.desk_id, "document": row.document}
    return verify_identity(
        session,
        services=services,
        person_id=person.id,
        level=max(person.level, VERIFIED_LEVEL),
        actor=row.officer_id,
        evidence=evidence | {"how": row.method},
        now=now,
    )


def _require_first_code(
    session: Session, services: IdpServices, row: DeskRecoveryRow, redemption: Redemption, code: str, *, now: datetime
) -> int:
    take_enrollment_try(session, services=services, person_id=row.person_id, code=code, now=now)
    step = matching_step(redemption.key, code, now=now)
    if step is None:
        error = WrongCodeError("The code does not fit.")
        refuse_first_code(session, error, services=services, person_id=row.person_id, object_id=row.id, now=now)
    forgive_enrollment_tries(session, services=services, person_id=row.person_id)
    return step


def _drop_lost_contacts(session: Session, row: DeskRecoveryRow, *, now: datetime) -> None:
    values: dict[str, object] = {}
    if row.lost_email:
        values |= {"email": None, "email_verified_at": None}
    if row.lost_phone:
        values |= {"phone": None, "phone_verified_at": None}
    if values:
        session.execute(update(PersonRow).where(PersonRow.id == row.person_id).values(**values, updated_at=now))
        session.expire_all()


def _load(session: Session, recovery_id: str, browser_secret: str | None, *, now: datetime) -> DeskRecoveryRow:
    row = session.get(DeskRecoveryRow, recovery_id)
    if row is None or row.browser_sha256 is None:
        raise NotFound("There is no such recovery.", code="recovery_unknown")
    if not browser_secret or not hmac.compare_digest(row.browser_sha256, sha256_hex(browser_secret)):
        raise Denied("The code was typed in another browser.", code="recovery_foreign")
    if row.outcome == "finished":
        raise AlreadyConsumed("This recovery is finished.", code="recovery_finished")
    if not _is_open(row, find_person(session, row.person_id), now=now):
        raise Conflict("This recovery is over.", code="recovery_over")
    return row


def _is_open(row: DeskRecoveryRow, person: Person, *, now: datetime) -> bool:
    return row.closed_at is None and row.expires_at > now and person.is_active


def _as_redemption(session: Session, services: IdpServices, row: DeskRecoveryRow) -> Redemption:
    return Redemption(
        id=row.id,
        person=find_person(session, row.person_id),
        step="second_factor" if row.phc else "password",
        key=_sealer(services).open(row.sealed_key, bound_to=row.id).decode() if row.sealed_key else "",
    )


def _record(
    session: Session,
    services: IdpServices,
    kind: EventType,
    row: DeskRecoveryRow,
    *,
    details: Mapping[str, str | bool] | None = None,
    now: datetime,
) -> None:
    # Who holds the code may be the person or not: he is told of it as of anything that is done in his name.
    record_recovery(session, services, kind, row, actor=row.person_id, details=details, now=now)


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "desk-recovery")
