"""Messages to a person that are kept here, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.notices.mail import open_mail
from idp.notices.model import StoredMailRow, StoredSmsRow
from idp.services import IdpServices


def read_messages(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return mails by their subjects, and that there were short messages: their texts may hold codes."""
    mails = session.scalars(
        select(StoredMailRow).where(StoredMailRow.person_id == person_id).order_by(StoredMailRow.id.desc())
    )
    told: list[Entry] = []
    for row in mails:
        mail = open_mail(services, mail_id=row.id, sealed=row.sealed, language=row.language, created_at=row.created_at)
        told.append({"way": "email", "to": mail.to, "subject": mail.subject, "created_at": row.created_at})
    texts = session.scalars(
        select(StoredSmsRow).where(StoredSmsRow.person_id == person_id).order_by(StoredSmsRow.id.desc())
    )
    told += [{"way": "sms", "to": None, "subject": None, "created_at": row.created_at} for row in texts]
    return told


MESSAGES = Section(name="messages", read=read_messages, tables=("idp_stored_mail", "idp_stored_sms"))
