"""Codes that are sent to log in with: 6 digits, 10 minutes, 5 tries, the newest only; stored as keyed digests."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.identity import mask_email
from idp.accounts.person import Person, find_person
from idp.accounts.phone import mask_phone
from idp.authentication.mail_limits import count_mail
from idp.authentication.sms_limits import count_sms
from idp.authentication.totp import WrongCodeError, clean_code
from idp.codes.model import SentCodeRow
from idp.notices.mail import send_mail
from idp.notices.sms import send_sms
from idp.services import IdpServices
from kernel.errors import Conflict, Throttled
from keys.sealing import derive_secret

DIGITS = 6
CODE_LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5
RESEND_AFTER = timedelta(seconds=60)
MAX_SENDS = 5


class Channel(StrEnum):
    """How a code goes out."""

    SMS = "sms"
    EMAIL = "email"


class DeadCodeError(WrongCodeError):
    """The code is too old, was tried too often, or was used: another one can be sent."""

    default_code = "dead_code"


def send_code(
    session: Session,
    *,
    services: IdpServices,
    channel: Channel,
    person_id: str,
    journey: str,
    device: str | None,
    again: bool,
    now: datetime,
) -> Mapping[str, object]:
    """Send the journey's code unless one was sent; return what its form shows: ``to`` (masked), ``sent_again``.

    :param device: id of the person's known device that asks: it has a budget of its own.
    :param again: send another one; the older dies.
    :raises Throttled: (``resend_too_soon``, ``too_many_tries``, ``sms_day_used_up``).
    :raises Conflict: (``resend_limit``, ``no_contact``).
    """
    person = find_person(session, person_id)
    to = person.phone if channel is Channel.SMS else person.email
    if not to or not (person.phone_verified if channel is Channel.SMS else person.email_verified):
        raise Conflict("There is no confirmed contact to send a code to.", code="no_contact")
    facts = {"to": mask_phone(to) if channel is Channel.SMS else mask_email(to), "sent_again": again}
    row = session.get(SentCodeRow, (journey, channel.value), with_for_update=True)
    if row is not None and row.person_id == person_id:
        if not again:
            return facts
        _require_resendable(row, now=now)
    _count(session, services, channel, to, owner=device or person_id, now=now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    if _store(session, services, channel, row, person_id=person_id, journey=journey, code=code, now=now):
        _send(session, services, channel, person, code, journey, now=now)
    return facts


def require_sent_code(
    session: Session,
    *,
    services: IdpServices,
    channel: Channel,
    person_id: str,
    code: str,
    journey: str,
    now: datetime,
) -> None:
    """Check and use up the journey's code: of any number at once exactly one succeeds.

    :raises WrongCodeError: if it does not fit; :class:`DeadCodeError` if no code of the journey is valid any more.
    """
    mine = (
        SentCodeRow.journey_id == journey,
        SentCodeRow.kind == channel.value,
        SentCodeRow.person_id == person_id,
        SentCodeRow.used_at.is_(None),
    )
    # The try is counted by the statement that allows it.
    stored = session.execute(
        update(SentCodeRow)
        .where(*mine, SentCodeRow.tries < MAX_TRIES, SentCodeRow.expires_at > now)
        .values(tries=SentCodeRow.tries + 1)
        .returning(SentCodeRow.code_hmac)
    ).scalar_one_or_none()
    if stored is None:
        raise DeadCodeError("This code is no longer valid.")
    if not hmac.compare_digest(stored, _digest(services, channel, journey, clean_code(code))):
        raise WrongCodeError("The code does not fit.")
    session.execute(update(SentCodeRow).where(*mine).values(used_at=now))


def remove_sent_codes(session: Session, *, person_id: str) -> None:
    """Delete what was sent to the person: with the contact it went to, or with the person."""
    session.execute(delete(SentCodeRow).where(SentCodeRow.person_id == person_id))


def _require_resendable(row: SentCodeRow, *, now: datetime) -> None:
    if row.times_sent >= MAX_SENDS:
        raise Conflict("No more codes are sent for this one.", code="resend_limit")
    if now < row.sent_at + RESEND_AFTER:
        raise Throttled(
            "A code was sent just now.", code="resend_too_soon", retry_after=row.sent_at + RESEND_AFTER - now
        )


def _count(session: Session, services: IdpServices, channel: Channel, to: str, *, owner: str, now: datetime) -> None:
    # Whoever asks has proved something already: the budget is the person's, or his device's.
    if channel is Channel.SMS:
        count_sms(session, services, to, owner=owner, now=now)
    else:
        count_mail(session, services, f"code:{to}", owner=owner, now=now)


def _store(
    session: Session,
    services: IdpServices,
    channel: Channel,
    row: SentCodeRow | None,
    *,
    person_id: str,
    journey: str,
    code: str,
    now: datetime,
) -> bool:
    """Keep the digest; return False if another request was first, and its code is the one that counts."""
    values = {
        "person_id": person_id,
        "code_hmac": _digest(services, channel, journey, code),
        "sent_at": now,
        "expires_at": now + CODE_LIFETIME,
        "times_sent": row.times_sent + 1 if row is not None else 1,
        "tries": 0,
        "used_at": None,
    }
    if row is not None:
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return True
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    stored = session.execute(
        insert(SentCodeRow)
        .values(journey_id=journey, kind=channel.value, **values)
        .on_conflict_do_nothing()
        .returning(SentCodeRow.journey_id)
    ).scalar_one_or_none()
    return stored is not None


def _send(
    session: Session,
    services: IdpServices,
    channel: Channel,
    person: Person,
    code: str,
    journey: str,
    *,
    now: datetime,
) -> None:
    send = send_sms if channel is Channel.SMS else send_mail
    send(
        session,
        services=services,
        to=person.phone if channel is Channel.SMS else person.email,
        locale=person.locale,
        template="login_code",
        context={"code": code, "name": person.given_names},
        person_id=person.id,
        now=now,
    )
    services.journal.record(
        session,
        Event(
            type=EventType.LOGIN_CODE_SENT,
            subject=person.id,
            object_id=journey[:26],
            details={"channel": channel.value},
        ),
        now=now,
    )


def _digest(services: IdpServices, channel: Channel, journey: str, code: str) -> str:
    secret = derive_secret(services.sealing_secret, "sent-code")
    return hmac.digest(secret, f"{channel.value}:{journey}:{code}".encode(), "sha256").hex()
