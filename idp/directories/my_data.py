"""What is kept about a person's accounts in institutions, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.directories.model import DirectoryLinkRow, DirectoryRow
from idp.directory.model import InstitutionRow
from idp.services import IdpServices


def _read(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    rows = session.execute(
        select(DirectoryLinkRow, InstitutionRow.name)
        .join(DirectoryRow, DirectoryRow.id == DirectoryLinkRow.directory_id)
        .join(InstitutionRow, InstitutionRow.id == DirectoryRow.institution_id)
        .where(DirectoryLinkRow.person_id == person_id)
        .order_by(DirectoryLinkRow.linked_at, DirectoryLinkRow.id)
    ).all()
    return [
        {
            "institution": name,
            "name": link.username,
            "groups": list(link.groups),
            "created_at": link.linked_at,
            "last_used_at": link.last_login_at,
            "ended_at": link.left_at,
        }
        for link, name in rows
    ]


INSTITUTIONS = Section(name="institutions", read=_read, tables=("idp_ldap_link",))
