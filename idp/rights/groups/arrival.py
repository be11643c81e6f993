"""Somebody comes from an institution's directory or provider: hence he works there."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.person import hold_person
from idp.directory.institutions import find_institution
from idp.rights.belonging import begin_belonging, find_belonging_of
from idp.rights.groups.source import GroupSource, is_source
from idp.rights.model import BelongingRow
from idp.services import IdpServices


def arrive(
    session: Session,
    *,
    services: IdpServices,
    source: GroupSource,
    person_id: str,
    user_name: str | None = None,
    lifetime: timedelta | None = None,
    now: datetime,
) -> None:
    """Let the person's belonging begin, if none stands. One that a person or a personnel system ended stays ended.

    :param user_name: what the institution calls the person.
    :param lifetime: how long the source's word lasts, for one that is never asked by itself; each login renews it.
    """
    if not find_institution(session, source.institution_id).active or not hold_person(session, person_id).is_active:
        return
    until = now + lifetime if lifetime is not None else None
    current = find_belonging_of(session, institution_id=source.institution_id, person_id=person_id, lock=True)
    if current is not None:
        row = session.get_one(BelongingRow, current.id)
        if row.created_by == source.actor and until is not None and (row.until is None or row.until < until):
            _renew(session, services, source, row, until, now=now)
        return
    last = session.scalars(
        select(BelongingRow)
        .where(BelongingRow.institution_id == source.institution_id, BelongingRow.person_id == person_id)
        .order_by(BelongingRow.ended_at.desc(), BelongingRow.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.ended_reason != "institution_closed" and not is_source(last.ended_by):
        return
    begin_belonging(
        session,
        journal=services.journal,
        institution_id=source.institution_id,
        person_id=person_id,
        source=source.kind,
        user_name=user_name,
        until=until,
        actor=source.actor,
        now=now,
    )


def _renew(
    session: Session, services: IdpServices, source: GroupSource, row: BelongingRow, until: datetime, *, now: datetime
) -> None:
    if row.until is not None and row.until - now > (until - now) / 2:
        return  # the day before counts as today: one event in weeks, not one a login
    row.until, row.version, row.updated_at = until, row.version + 1, now
    event = Event(
        type=EventType.BELONGING_CHANGED,
        subject=row.person_id,
        actor=source.actor,
        object_id=row.institution_id,
        details={"changed": ["until"]},
    )
    services.journal.record(session, event, now=now)
    session.flush()
