"""A forgotten password: code by mail or message, then the second factor where there is one, then a new password.

The journey looks the same for every document. It never goes around the second factor, and opens no session. A code by
message is never proof twice, and alone it waits: :mod:`idp.authentication.phone_recovery`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.contact import Contact, ContactKind
from idp.accounts.mail_code import MailCodeMismatchError, make_mail_code, require_mail_code
from idp.accounts.model import EmailConfirmationRow, PasswordResetRow, PersonRow, PhoneConfirmationRow
from idp.accounts.person import Person, find_person, find_person_by_document, hold_person
from idp.authentication.browser_session import end_sessions_of
from idp.authentication.contact_limits import count_message
from idp.authentication.interaction import forget_passwords_verified
from idp.authentication.known_device import find_known_device, forget_devices
from idp.authentication.password import store_password
from idp.authentication.phone_recovery import (
    begin_phone_recovery,
    drop_phone_recovery,
    find_phone_recovery,
    is_resting,
    use_phone_recovery,
)
from idp.authentication.second_factor import require_second_factor
from idp.authentication.second_factor_kinds import SMS_CODE, SecondFactor, second_factors_of
from idp.notices.contacts import NOBODY, send_to
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound
from kernel.identifiers import new_id, sha256_hex
from keys.sealing import derive_secret

RESET_LIFETIME = timedelta(minutes=30)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class PasswordReset:
    """A reset under way.

    :ivar step: ``mail_code``, ``second_factor``, ``wait`` or ``password``: what is due.
    :ivar channel: what the code goes by.
    :ivar person: known to the caller only after the code fitted.
    :ivar kinds: the second factors that will do.
    :ivar ready_at: when a wait is over.
    """

    id: str
    step: str
    channel: ContactKind
    person: Person | None
    interaction_id: str | None
    kinds: tuple[SecondFactor, ...] = ()
    ready_at: datetime | None = None


def start_password_reset(
    session: Session,
    *,
    services: IdpServices,
    browser_secret: str,
    device_secret: str | None,
    document: str,
    interaction_id: str | None,
    channel: ContactKind = ContactKind.EMAIL,
    now: datetime,
) -> PasswordReset:
    """Begin a reset; a code goes out by ``channel`` if the document has an active account with such a contact.

    An earlier reset of the same document dies. :raises Throttled: (``too_many_tries``, ``sms_day_used_up``).
    """
    person = find_person_by_document(session, document)
    device = find_known_device(session, person_id=person.id if person else "", secret=device_secret, now=now)
    account = hmac.digest(derive_secret(services.sealing_secret, "reset"), document.encode(), "sha256").hex()
    count_message(session, services, channel, f"reset:{account}", owner=device, now=now)
    if person is not None and not (person.is_active and _contact(person, channel)):
        person = None
    session.execute(delete(PasswordResetRow).where(PasswordResetRow.account_hmac == account))
    row = PasswordResetRow(
        id=new_id(),
        browser_sha256=sha256_hex(browser_secret),
        person_id=person.id if person else None,
        account_hmac=account,
        interaction_id=interaction_id,
        channel=channel.value,
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
            details={"account_exists": person is not None, "channel": channel.value},
        ),
        now=now,
    )
    _send_code(session, services, row, person, now=now)
    return _as_reset(session, row, now=now)


def load_password_reset(session: Session, *, reset_id: str, browser_secret: str | None, now: datetime) -> PasswordReset:
    """Return the reset if it belongs to the browser and is still open.

    :raises NotFound: (``reset_unknown``), :raises Denied: (``reset_foreign``),
    :raises Conflict: (``reset_expired``), :raises AlreadyConsumed: (``reset_finished``).
    """
    return _as_reset(session, _load(session, reset_id, browser_secret, now=now), now=now)


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
    count_message(session, services, ContactKind(row.channel), f"reset:{row.account_hmac}", owner=device, now=now)
    _send_code(session, services, row, find_person(session, row.person_id) if row.person_id else None, now=now)


def confirm_reset_code(
    session: Session,
    *,
    services: IdpServices,
    reset_id: str,
    browser_secret: str | None,
    device_secret: str | None,
    code: str,
    now: datetime,
) -> PasswordReset:
    """Check the code that was sent. By a telephone, with nothing else to prove, the wait begins or is found over.

    :raises MailCodeMismatchError: counted; :raises Conflict: (``mail_code_dead``).
    """
    row = _load(session, reset_id, browser_secret, now=now)
    if row.code_verified_at is not None:
        return _as_reset(session, row, now=now)
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
    row.code_verified_at = now
    details = {"channel": row.channel}
    services.journal.record(
        session,
        Event(type=EventType.CONTACT_VERIFIED, subject=row.person_id, object_id=row.id, details=details),
        now=now,
    )
    if row.channel == ContactKind.PHONE.value:
        person = hold_person(session, row.person_id)
        device = find_known_device(session, person_id=person.id, secret=device_secret, now=now)
        row.known_device = device is not None
        if device is None and not _kinds_due(session, row):
            row.wait_id = begin_phone_recovery(session, services=services, person=person, reset_id=row.id, now=now).id
    else:
        session.execute(
            update(PersonRow)
            .where(PersonRow.id == row.person_id, PersonRow.email_verified_at.is_(None))
            .values(email_verified_at=now, updated_at=now)
        )
    session.flush()
    return _as_reset(session, row, now=now)


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
    reset = _as_reset(session, row, now=now)
    if reset.step == "password":
        return reset
    if reset.step != "second_factor" or row.person_id is None or kind not in reset.kinds:
        raise Conflict("The code that was sent is due first, or another factor.", code="wrong_step")
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
    return _as_reset(session, row, now=now)


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

    :raises Conflict: (``wrong_step``) while an earlier step is due, or a wait;
    :raises AlreadyConsumed: (``reset_finished``).
    """
    row = _load(session, reset_id, browser_secret, now=now)
    reset = _as_reset(session, row, now=now)
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
    if row.wait_id is not None:
        hold_person(session, reset.person.id)  # a login at this moment ends the wait
        if not use_phone_recovery(session, recovery_id=row.wait_id, person_id=reset.person.id, now=now):
            raise Conflict("The wait is not over, or was ended.", code="wrong_step")
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
    drop_phone_recovery(session, person_id=person.id)
    notify_everywhere(session, services=services, person=person, template="password_changed", context={}, now=now)


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
    code, channel = make_mail_code(session, services=services, journey_id=row.id, now=now), ContactKind(row.channel)
    days = services.settings.phone_recovery_rest_days
    template, to = "reset_code", _contact(person, channel) if person else None
    if person is not None and channel is ContactKind.PHONE and is_resting(session, person, days=days, now=now):
        template = "reset_resting"
    send_to(
        session,
        services=services,
        contact=to or NOBODY[channel],
        locale=person.locale if person else "es",
        template=template,
        context={"code": code, "name": person.given_names if person else "", "days": str(days)},
        person_id=person.id if person else None,
        now=now,
    )
    event = Event(
        type=EventType.CONTACT_VERIFICATION_SENT,
        subject=person.id if person else None,
        object_id=row.id,
        details={"channel": channel.value, **({"resting": True} if template == "reset_resting" else {})},
    )
    services.journal.record(session, event, now=now)


def _contact(person: Person, channel: ContactKind) -> Contact | None:
    """Return where a code goes by ``channel``: an address, even unconfirmed, for the code confirms it; a telephone that
    was confirmed."""
    address = person.email if channel is ContactKind.EMAIL else person.phone if person.phone_verified else ""
    return Contact(channel, address) if address else None


def _kinds_due(session: Session, row: PasswordResetRow) -> tuple[SecondFactor, ...]:
    """Return the second factors of which one has to be proved; a message is not proof twice in one reset."""
    if row.person_id is None:
        return ()
    kinds = second_factors_of(session, row.person_id)
    return tuple(kind for kind in kinds if kind is not SMS_CODE or row.channel != ContactKind.PHONE.value)


def _as_reset(session: Session, row: PasswordResetRow, *, now: datetime) -> PasswordReset:
    person: Person | None = None
    kinds: tuple[SecondFactor, ...] = ()
    ready_at: datetime | None = None
    if row.code_verified_at is None or row.person_id is None:
        step = "mail_code"
    else:
        person, kinds = find_person(session, row.person_id), _kinds_due(session, row)
        if kinds and row.second_factor_verified_at is None:
            step = "second_factor"
        else:
            step, ready_at = "password", _waits_until(session, row, now=now)
            step = "wait" if ready_at is not None else "password"
    return PasswordReset(
        id=row.id,
        step=step,
        channel=ContactKind(row.channel),
        person=person,
        interaction_id=row.interaction_id,
        kinds=kinds,
        ready_at=ready_at,
    )


def _waits_until(session: Session, row: PasswordResetRow, *, now: datetime) -> datetime | None:
    """Return when the wait of a reset by telephone alone is over; None: now, or there is none.

    A wait that somebody ended never is: :data:`NEVER`.
    """
    alone = row.channel == ContactKind.PHONE.value and row.second_factor_verified_at is None and not row.known_device
    if not alone or row.person_id is None:
        return None
    found = find_phone_recovery(session, person_id=row.person_id, now=now)
    if found is None or found.id != row.wait_id:
        return NEVER
    return None if found.is_ready(now) else found.ready_at
