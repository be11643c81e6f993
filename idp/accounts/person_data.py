"""What the accounts room keeps about a person, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.model import (
    DataCopyRow,
    DeletionRow,
    EmailConfirmationRow,
    PersonRow,
    PhoneConfirmationRow,
    PhoneRecoveryRow,
    RectificationRow,
)
from idp.accounts.my_data import Entry, Section
from idp.services import IdpServices
from idp.ussd.model import UssdPinRow


def read_person(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return the account itself."""
    row = session.get_one(PersonRow, person_id)
    return [
        {
            "account_id": row.id,
            "cedula": row.cedula,
            "passport": row.passport,
            "given_names": row.given_names,
            "surnames": row.surnames,
            "email": row.email,
            "email_verified_at": row.email_verified_at,
            "phone": row.phone,
            "phone_verified_at": row.phone_verified_at,
            "birth_date": row.birth_date,
            "language": row.locale,
            "identity_level": row.level,
            "status": row.status,
            "created_at": row.created_at,
            "changed_at": row.updated_at,
        }
    ]


def read_waiting_contacts(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return contacts that wait to be confirmed."""
    email = session.get(EmailConfirmationRow, person_id)
    phone = session.get(PhoneConfirmationRow, person_id)
    told: list[Entry] = []
    if email is not None:
        told.append({"email": email.email, "phone": None, "expires_at": email.expires_at})
    if phone is not None:
        told.append({"email": None, "phone": phone.phone, "expires_at": phone.expires_at})
    return told


def read_rectifications(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what the person asked to have put right, and what became of it."""
    rows = session.scalars(
        select(RectificationRow)
        .where(RectificationRow.person_id == person_id)
        .order_by(RectificationRow.created_at.desc(), RectificationRow.id.desc())
    )
    return [
        {
            "id": row.id,
            "number": row.number,
            "datum": row.datum,
            "value": row.value,
            "given_names": row.given_names,
            "surnames": row.surnames,
            "why": row.why,
            "state": row.state,
            "answer": row.answer,
            "created_at": row.created_at,
            "due_at": row.due_at,
            "decided_at": row.decided_at,
        }
        for row in rows
    ]


def read_wishes(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return that the account is to be erased, copies of data that were asked for, a new password that waits, a PIN."""
    deletion = session.get(DeletionRow, person_id)
    told: list[Entry] = []
    if deletion is not None:
        told.append({"what": "deletion", "created_at": deletion.requested_at, "due_at": deletion.due_at})
    copies = session.scalars(select(DataCopyRow).where(DataCopyRow.person_id == person_id).order_by(DataCopyRow.id))
    told += [{"what": "data_copy", "created_at": row.created_at, "due_at": row.expires_at} for row in copies]
    waiting = session.get(PhoneRecoveryRow, person_id)
    if waiting is not None:
        told.append({"what": "phone_recovery", "created_at": waiting.opened_at, "due_at": waiting.ready_at})
    pin = session.get(UssdPinRow, person_id)
    if pin is not None:
        told.append({"what": "ussd_pin", "created_at": pin.set_at, "due_at": None})
    return told


PERSON = Section(name="person", read=read_person, tables=("idp_person",))
WAITING_CONTACTS = Section(
    name="waiting_contacts", read=read_waiting_contacts, tables=("idp_email_confirmation", "idp_phone_confirmation")
)
RECTIFICATIONS = Section(name="rectifications", read=read_rectifications, tables=("idp_rectification",))
WISHES = Section(
    name="wishes", read=read_wishes, tables=("idp_deletion", "idp_data_copy", "idp_phone_recovery", "idp_ussd_pin")
)
