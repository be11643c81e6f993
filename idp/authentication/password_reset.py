"""A forgotten password: code by mail, then the second factor where there is one, then a new password.

The journey looks the same for every document. It never goes around the second factor, and it opens no session.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import EmailConfirmationRow, PasswordResetRow, PersonRow, PhoneConfirmationRow
from idp.accounts.person import Person, find_person, find_person_by_document, hold_person
from idp.authentication.browser_session import end_sessions_of
from idp.authentication.interaction import forget_passwords_verified
from idp.authentication.known_device import find_known_device, forget_devices
from idp.authentication.mail_limits import count_mail
from idp.authentication.password import store_password
from idp.authentication.second_factor import require_second_factor
from idp.authentication.second_factor_kinds import SecondFactor, has_second_factor
from idp.notices.mail import notify, send_to_nobody
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound
from kernel.identifiers import new_id, sha256_hex
from keys.sealing import derive_secret

RESET_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class PasswordReset:
    """A reset under way.

    :ivar step: ``mail_code``, ``second_factor`` or ``password``: what is due.
    :ivar person: known to the caller only after the code from the mail fitted.
    """

    id: str
    step: str
    person: Person | None
    interaction_id: str | None


def start_password_reset(
    session: Session,
    *,
    services: IdpServices,
    browser_secret: str,
    device_secret: str | None,
    document: str,
    interaction_id: str | None,
    now: datetime,
) -> PasswordReset:
    """Begin a reset; a code goes out if the document has an active account with an address.

    An earlier reset of the same document dies. :raises Throttled: (``too_many_tries``).
    """
    person = find_person_by_document(session, document)
    device = find_known_device(session, person_id=person.id if person else "", secret=device_secret, now=now)
    account = hmac.digest(derive_secret(services.sealing_secret, "reset"), document.encode(), "sha256").hex()
    count_mail(session, services, f"reset:{account}", owner=device, now=now)
    if person is not None and not (person.is_active and person.email):
        person = None
    session.execute(delete(PasswordResetRow).where(PasswordResetRow.account_hmac == account))
    row = PasswordResetRow(
        id=new_id(),
        browser_sha256=sha256_hex(browser_secret),
        person_id=person.id if person else None,
        account_hmac=account,
        interaction_id=interaction_id,
        created_at=now,
        expires_at=now + RESET_LIFETIME,
    )
    session.add(row)
    session.flush()
    services.journal.record(
        session,
        Event(
            type=EventType.PASSWORD_RESET_REQUESTED,
            subject=person.id if person else None,
            object_id=row.id,
            details={"account_exists": person is not None},
        ),
        now=now,
    )
    _send_code(session, services, row, person, now=now)
    return _as_reset(session, row)


def load_password_reset(session: Session, *, reset_id: str, browser_secret: str | None, now: datetime) -> PasswordReset:
    """Return the reset if it belongs to the browser and is still open.

    :raises NotFound: (``reset_unknown``), :raises Denied: (``reset_foreign``),
    :raises Conflict: (``reset_expired``), :raises AlreadyConsumed: (``reset_finished``).
    """
    return _as_reset(session, _load(session, reset_id, browser_secret, now=now))


def resend_reset_code(
    session: Session,
    *,
    services: IdpServices,
    reset_id: str,
    browser_secret: str | None,
    device_secret: str | None,
    now: datetime,
) -> None:
    """Send a new code; the older one dies. It counts like the first.

    :raises Throttled: (``resend_too_soon``, ``too_many_tries``); :raises Conflict: (``resend_limit``).
    """
    row = _load(session, reset_id, browser_secret, now=now)
    device = find_known_device(session, person_id=row.person_id or "", secret=device_secret, now=now)
    count_mail(session, services, f"reset:{row.account_hmac}", owner=device, now=now)
    _send_code(session, services, row, find_person(session, row.person_id) if row.person_id else None, now=now)


def confirm_reset_code(
    session: Session, *, services: IdpServices, reset_id: str, browser_secret: str | None, code: str, now: datetime
) -> PasswordReset:
    """Check the code from the mail. :raises MailCodeMismatchError: counted; :raises Conflict: (``mail_code_dead``)."""
    row = _load(session, reset_id, browser_secret, now=now)
    if row.mail_code_verified_at is not None:
        return _as_reset(session, row)
    try:
        require_mail_code(session, services=services, journey_id=row.id, code=code, now=now)
        if row.person_id is None:  # cannot happen: nobody was sent this code
            raise MailCodeMismatchError(tries_left=0)
    except (MailCodeMismatchError, Conflict) as error:
        event = Event(
            type=EventType.CONTACT_VERIFIED,
            outcome=Outcome.FAILURE,
            reason=error.code,
            subject=row.person_id,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    row.mail_code_verified_at = now
    services.journal.record(
        session, Event(type=EventType.CONTACT_VERIFIED, subject=row.person_id, object_id=row.id), now=now
    )
    session.execute(
        update(PersonRow)
        .where(PersonRow.id == row.person_id, PersonRow.email_verified_at.is_(None))
        .values(email_verified_at=now, updated_at=now)
    )
    session.flush()
    return _as_reset(session, row)


def confirm_reset_second_factor(
    session: Session,
    *,
    services: IdpServices,
    reset_id: str,
    browser_secret: str | None,
    device_secret: str | None,
    kind: SecondFactor,
    code: str,
    now: datetime,
) -> PasswordReset:
    """Check the second factor. :raises Conflict: (``wrong_step``), or as ``require_second_factor``."""
    row = _load(session, reset_id, browser_secret, now=now)
    reset = _as_reset(session, row)
    if reset.step == "password":
        return reset
    if reset.step != "second_factor" or row.person_id is None:
        raise Conflict("The code from the mail is due first.", code="wrong_step")
    require_second_factor(
        session,
        services=services,
        person_id=row.person_id,
        kind=kind,
        code=code,
        device_secret=device_secret,
        purpose="reset",
        journey=row.id,
        now=now,
    )
    row.second_factor_verified_at = now
    session.flush()
    return _as_reset(session, row)


def finish_password_reset(
    session: Session,
    *,
    services: IdpServices,
    reset_id: str,
    browser_secret: str | None,
    phc: str,
    now: datetime,
) -> Person:
    """Set the new password: exactly once. All sessions end, devices are forgotten, a mail says so.

    :raises Conflict: (``wrong_step``) while an earlier step is due; :raises AlreadyConsumed: (``reset_finished``).
    """
    row = _load(session, reset_id, browser_secret, now=now)
    reset = _as_reset(session, row)
    if reset.step != "password" or reset.person is None:
        raise Conflict("An earlier step is due.", code="wrong_step")
    won = session.execute(
        update(PasswordResetRow)
        .where(PasswordResetRow.id == row.id, PasswordResetRow.finished_at.is_(None))
        .values(finished_at=now)
        .returning(PasswordResetRow.id)
    ).scalar_one_or_none()
    if won is None:
        raise AlreadyConsumed("This reset is finished.", code="reset_finished")
    replace_password(session, services=services, person=reset.person, phc=phc, reason="reset", now=now)
    forget_devices(session, person_id=reset.person.id)
    return reset.person


def replace_password(
    session: Session,
    *,
    services: IdpServices,
    person: Person,
    phc: str,
    reason: str,
    now: datetime,
    except_sid: str | None = None,
) -> None:
    """Make ``phc`` the password; other sessions end, other open resets die, a mail says so.

    A login that has the old password behind it and waits for its second factor starts again.
    """
    hold_person(session, person.id)
    store_password(session, journal=services.journal, person_id=person.id, phc=phc, reason=reason, now=now)
    end_sessions_of(
        session,
        journal=services.journal,
        person_id=person.id,
        reason="password_changed",
        except_sid=except_sid,
        now=now,
    )
    session.execute(
        delete(PasswordResetRow).where(PasswordResetRow.person_id == person.id, PasswordResetRow.finished_at.is_(None))
    )
    forget_passwords_verified(session, person_id=person.id)
    # An address that someone with the old password was about to put in is not waited for any more.
    session.execute(delete(EmailConfirmationRow).where(EmailConfirmationRow.person_id == person.id))
    session.execute(delete(PhoneConfirmationRow).where(PhoneConfirmationRow.person_id == person.id))
    notify(session, services=services, person=person, template="password_changed", context={}, now=now)


def _load(session: Session, reset_id: str, browser_secret: str | None, *, now: datetime) -> PasswordResetRow:
    row = session.get(PasswordResetRow, reset_id)
    if row is None:
        raise NotFound("There is no such reset.", code="reset_unknown")
    if not browser_secret or not hmac.compare_digest(row.browser_sha256, sha256_hex(browser_secret)):
        raise Denied("This reset was begun in another browser.", code="reset_foreign")
    if row.finished_at is not None:
        raise AlreadyConsumed("This reset is finished.", code="reset_finished")
    if row.expires_at <= now:
        raise Conflict("This reset took too long.", code="reset_expired")
    return row


def _send_code(
    session: Session, services: IdpServices, row: PasswordResetRow, person: Person | None, *, now: datetime
) -> None:
    code = make_mail_code(session, services=services, journey_id=row.id, now=now)
    context = {"code": code}
    if person is not None:
        notify(session, services=services, person=person, template="reset_code", context=context, now=now)
    else:
        send_to_nobody(session, services=services, locale="es", template="reset_code", context=context, now=now)
    services.journal.record(
        session,
        Event(type=EventType.CONTACT_VERIFICATION_SENT, subject=person.id if person else None, object_id=row.id),
        now=now,
    )


def _as_reset(session: Session, row: PasswordResetRow) -> PasswordReset:
    person = None
    if row.mail_code_verified_at is None or row.person_id is None:
        step = "mail_code"
    else:
        person = find_person(session, row.person_id)
        due = row.second_factor_verified_at is None and has_second_factor(session, row.person_id)
        step = "second_factor" if due else "password"
    return PasswordReset(id=row.id, step=step, person=person, interaction_id=row.interaction_id)
