"""What no room has put into words yet: that there is a row about the person, and its moments, nothing else.

A safety net under "my data": a table with people in it that is new is told here from its first day, without anything
that might be a secret, until its room offers a section.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from idp.accounts.my_data import NOT_TOLD, Entry, Section
from idp.services import IdpServices
from kernel.database import Base

_WHO = ("person_id", "holder_id")


def rest_of(told: Callable[[], Sequence[Section]]) -> Section:
    """Return the section of all that the sections ``told`` leave out."""

    def read(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
        known = {table for section in told() for table in section.tables} | set(NOT_TOLD)
        found: list[Entry] = []
        for table in Base.metadata.sorted_tables:
            who = next((name for name in _WHO if name in table.columns), None)
            if who is None or table.name in known:
                continue
            found += _rows(session, table, who, person_id)
        return found

    return Section(name="rest", read=read, tables=())


def _rows(session: Session, table: Table, who: str, person_id: str) -> list[Entry]:
    moments = [column for column in table.columns if column.name.endswith("_at")]
    query = select(table.columns[who], *moments).where(table.columns[who] == person_id)
    rows = session.execute(query.order_by(*table.primary_key.columns))
    return [
        {"what": table.name, "moments": {column.name: row[at] for at, column in enumerate(moments, 1) if row[at]}}
        for row in rows
    ]
