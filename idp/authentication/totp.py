"""Time-based codes (RFC 6238): 160-bit keys, SHA-1, 6 digits, 30 seconds, one step of drift, each step once."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.authentication.model import TotpRow
from idp.events.announcement import announce_to_services
from idp.protocol.security_event import credential_change
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id
from keys.sealing import Sealer

STEP_SECONDS = 30
# RFC 6238 §5.2: one step of network and clock delay, on either side.
DRIFT_STEPS = 1
PENDING_LIFETIME = timedelta(minutes=30)
ISSUER_NAME = "SAU"


class WrongCodeError(Rejected):
    """The code does not fit. :ivar why: more of the reason, for the record alone."""

    default_code = "wrong_code"
    why = ""


class UsedCodeError(WrongCodeError):
    """The code fits and was used before."""

    default_code = "used_code"


@dataclass(frozen=True)
class PendingTotp:
    """A key that its owner has not confirmed yet.

    :ivar key: base32, as typed by hand.
    :ivar address: ``otpauth://`` URI for the QR code.
    """

    id: str
    key: str
    address: str


@dataclass(frozen=True)
class TotpFactor:
    """A confirmed factor as the account page lists it."""

    id: str
    confirmed_at: datetime
    last_used_at: datetime | None


def clean_code(text: str) -> str:
    """Return the digits of a code typed or pasted with spaces or hyphens."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if letter.isalnum())


def has_totp(session: Session, person_id: str) -> bool:
    """Tell whether the person has a confirmed factor."""
    return bool(list_totp(session, person_id))


def list_totp(session: Session, person_id: str) -> list[TotpFactor]:
    """Return the person's confirmed factors, oldest first."""
    rows = session.scalars(
        select(TotpRow).where(TotpRow.person_id == person_id, TotpRow.confirmed_at.is_not(None)).order_by(TotpRow.id)
    )
    return [TotpFactor(row.id, row.confirmed_at, row.last_used_at) for row in rows if row.confirmed_at]


def prepare_totp(
    session: Session, *, services: IdpServices, person_id: str, sid: str, account_name: str, now: datetime
) -> PendingTotp:
    """Return the key that the person is about to confirm: the same on reload, a new one after half an hour.

    It is shown to the browser session ``sid`` alone: whoever has the password and another session must not know the
    key that its owner is about to confirm.
    """
    row = _find_pending(session, person_id=person_id, sid=sid, now=now)
    if row is None:
        mine = delete(TotpRow).where(TotpRow.person_id == person_id, TotpRow.sid == sid, TotpRow.confirmed_at.is_(None))
        session.execute(mine)
        row = new_totp_row(services, person_id=person_id, key=pyotp.random_base32(32), now=now)
        row.sid = sid
        session.add(row)
        session.flush()
    key = _open(services, row)
    return PendingTotp(id=row.id, key=key, address=provisioning_address(key, account_name=account_name))


def provisioning_address(key: str, *, account_name: str) -> str:
    """Return the ``otpauth://`` URI that authenticator apps read from a QR code."""
    return pyotp.TOTP(key).provisioning_uri(name=account_name, issuer_name=ISSUER_NAME)


def confirm_totp(
    session: Session, *, services: IdpServices, person_id: str, sid: str, code: str, now: datetime
) -> None:
    """Confirm the key that waits in session ``sid`` by its first code, on record. The code's step counts as used.

    The first factor only: a session that has not shown it adds no second one beside it.

    :raises WrongCodeError: if it does not fit.
    :raises Conflict: (``nothing_pending``) if no key waits, or another session was first.
    """
    row = _find_pending(session, person_id=person_id, sid=sid, now=now)
    if row is None or has_totp(session, person_id):
        raise Conflict("No key waits to be confirmed.", code="nothing_pending")
    step = matching_step(_open(services, row), code, now=now)
    if step is None:
        raise WrongCodeError("The code does not fit.")
    confirmed = session.execute(
        update(TotpRow)
        .where(TotpRow.id == row.id, TotpRow.confirmed_at.is_(None))
        .values(confirmed_at=now, last_used_at=now, last_step=step)
        .returning(TotpRow.id)
    ).scalar_one_or_none()
    if confirmed is None:
        raise Conflict("No key waits to be confirmed.", code="nothing_pending")
    # Keys that were shown to other sessions die.
    session.execute(delete(TotpRow).where(TotpRow.person_id == person_id, TotpRow.confirmed_at.is_(None)))
    record_factor(session, services, EventType.TOTP_ENROLLED, person_id=person_id, factor_id=row.id, now=now)


def require_totp(
    session: Session, *, services: IdpServices, person_id: str, code: str, journey: str = "", now: datetime
) -> str:
    """Check ``code`` and use up its time step: of any number at once exactly one succeeds. Return the factor's id.

    :raises WrongCodeError: if no confirmed factor fits; :class:`UsedCodeError` if the step was used before.
    """
    rows = session.scalars(select(TotpRow).where(TotpRow.person_id == person_id, TotpRow.confirmed_at.is_not(None)))
    used = False
    for row in rows:
        step = matching_step(_open(services, row), code, now=now)
        if step is None:
            continue
        won = session.execute(
            update(TotpRow)
            .where(TotpRow.id == row.id, TotpRow.last_step < step)
            .values(last_step=step, last_used_at=now)
            .returning(TotpRow.id)
        ).scalar_one_or_none()
        if won is not None:
            return won
        used = True
    if used:
        raise UsedCodeError("This code was used before.")
    raise WrongCodeError("The code does not fit.")


def remove_totp(
    session: Session, *, services: IdpServices, person_id: str, factor_id: str | None, now: datetime
) -> int:
    """Remove a factor (all of them when ``factor_id`` is ``None``), on record; return how many."""
    statement = delete(TotpRow).where(TotpRow.person_id == person_id)
    if factor_id is not None:
        statement = statement.where(TotpRow.id == factor_id)
    removed = session.execute(statement.returning(TotpRow.id, TotpRow.confirmed_at)).all()
    for row in removed:
        if row.confirmed_at is not None:
            record_factor(session, services, EventType.TOTP_REMOVED, person_id=person_id, factor_id=row.id, now=now)
    return len(removed)


def record_factor(
    session: Session, services: IdpServices, kind: EventType, *, person_id: str, factor_id: str, now: datetime
) -> None:
    """Put on record that a factor was enrolled or removed; services that the person uses are told."""
    event = Event(type=kind, subject=person_id, object_id=factor_id)
    event_id = services.journal.record(session, event, now=now)
    change = credential_change(
        credential="app", change="create" if kind is EventType.TOTP_ENROLLED else "delete", now=now
    )
    announce_to_services(session, change, person_id=person_id, event_id=event_id, now=now)


def current_code(key: str, *, now: datetime) -> str:
    """Return the code of ``key`` at ``now``: for the demo page and tests."""
    return pyotp.TOTP(key).generate_otp(int(now.timestamp()) // STEP_SECONDS)


def new_totp_row(services: IdpServices, *, person_id: str, key: str, now: datetime) -> TotpRow:
    """Return an unconfirmed row that holds ``key`` (base32) sealed."""
    row_id = new_id()
    return TotpRow(
        id=row_id,
        person_id=person_id,
        sealed_key=Sealer(services.sealing_secret, "totp").seal(key.encode(), bound_to=row_id),
        created_at=now,
        last_step=0,
    )


def matching_step(key: str, code: str, *, now: datetime) -> int | None:
    """Return the time step, within the drift, whose code is ``code``, or nothing."""
    generator, code = pyotp.TOTP(key), clean_code(code)
    present = int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if compare_digest(generator.generate_otp(step).encode(), code.encode()):
            found = step
    return found


def _find_pending(session: Session, *, person_id: str, sid: str, now: datetime) -> TotpRow | None:
    return session.scalars(
        select(TotpRow).where(
            TotpRow.person_id == person_id,
            TotpRow.sid == sid,
            TotpRow.confirmed_at.is_(None),
            TotpRow.created_at > now - PENDING_LIFETIME,
        )
    ).first()


def _open(services: IdpServices, row: TotpRow) -> str:
    return Sealer(services.sealing_secret, "totp").open(row.sealed_key, bound_to=row.id).decode()
