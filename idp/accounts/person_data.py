"""What the accounts room keeps about a person, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.model import EmailConfirmationRow, PersonRow
from idp.accounts.my_data import Entry, Section
from idp.services import IdpServices


def read_person(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return the account itself."""
    row = session.get_one(PersonRow, person_id)
    return [
        {
            "account_id": row.id,
            "cedula": row.cedula,
            "given_names": row.given_names,
            "surnames": row.surnames,
            "email": row.email,
            "email_verified_at": row.email_verified_at,
            "phone": row.phone,
            "phone_verified_at": row.phone_verified_at,
            "language": row.locale,
            "identity_level": row.level,
            "status": row.status,
            "created_at": row.created_at,
            "changed_at": row.updated_at,
        }
    ]


def read_waiting_contacts(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return contacts that wait to be confirmed."""
    row = session.get(EmailConfirmationRow, person_id)
    return [{"email": row.email, "expires_at": row.expires_at}] if row is not None else []


PERSON = Section(name="person", read=read_person, tables=("idp_person",))
WAITING_CONTACTS = Section(name="waiting_contacts", read=read_waiting_contacts, tables=("idp_email_confirmation",))
