"""How directories are: looked at now and then by the worker, told by the metrics, the console and the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.directories.model import DirectoryHealthRow, DirectoryRow
from idp.directories.port import ServerReport
from idp.directories.register import find_directory
from idp.services import IdpServices
from kernel.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Health:
    """How an open directory was at the last look. :ivar reason: why no server of it answered, None if one did."""

    name: str
    up: bool
    reason: str | None
    failing_since: datetime | None
    milliseconds: int
    checked_at: datetime


def look_at_directory(services: IdpServices, *, directory_id: str, now: datetime) -> tuple[ServerReport, ...]:
    """Ask each server of the directory and keep what came of it. Outside of any transaction; a change is an event."""
    with services.database.reading() as session:
        try:
            directory = find_directory(session, services=services, directory_id=directory_id)
        except NotFound:
            return ()
    if not directory.active:
        return ()
    reports = services.directories.examine(directory)
    best = min(reports, key=lambda report: (report.reason is not None, report.seconds))
    with services.database.transaction() as session:
        row = session.get(DirectoryHealthRow, directory_id, with_for_update=True)
        if row is None:
            row = DirectoryHealthRow(directory_id=directory_id, reason=None, failing_since=None)
            session.add(row)
        was_up, up = row.failing_since is None, best.reason is None
        row.reason = None if best.reason is None else best.reason.value
        row.failing_since = None if up else row.failing_since or now
        row.milliseconds, row.checked_at = int(best.seconds * 1000), now
        if was_up != up:
            event = Event(
                type=EventType.LDAP_DIRECTORY_HEALTH_CHANGED,
                outcome=Outcome.SUCCESS if up else Outcome.FAILURE,
                reason=row.reason,
                actor="worker",
                object_id=directory_id,
                details={"directory": directory.name},
            )
            services.journal.record(session, event, now=now)
    return reports


def list_health(session: Session) -> list[Health]:
    """Return how the open directories were, by name; those that were never looked at are left out."""
    rows = session.execute(
        select(DirectoryRow.name, DirectoryHealthRow)
        .join(DirectoryHealthRow, DirectoryHealthRow.directory_id == DirectoryRow.id)
        .where(DirectoryRow.active)
        .order_by(DirectoryRow.name)
    ).all()
    return [
        Health(
            name=name,
            up=row.failing_since is None,
            reason=row.reason,
            failing_since=row.failing_since,
            milliseconds=row.milliseconds,
            checked_at=row.checked_at,
        )
        for name, row in rows
    ]
