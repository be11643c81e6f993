"""Retention: a year's records leave the database for a file that was verified twice; tree and signed heads stay.

First the archive is written, verified and put on record with its hash. A day later at the earliest it is verified
again, and only then the records are deleted, on record too. Proofs of archived records still verify: the tiles stay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from audit.archive_file import ARCHIVE, FORMAT, Archive
from audit.event import Event
from audit.export import new_bundle, write_keys, write_records
from audit.findings import Finding
from audit.model import AUDIT_TABLES, AuditShard
from audit.services import AuditServices
from audit.signed_log import key_in_use
from audit.verification import Progress
from audit.vocabulary import EventType
from kernel.errors import Conflict, Fault, NotFound, Rejected

PAUSE = timedelta(days=1)  # between the archive and the deletion
_BATCH = 5000


@dataclass(frozen=True)
class Archived:
    """An archive. ``first`` to ``stop``: the places of its records, the last one not included."""

    year: int
    first: int
    stop: int
    sha256: str


class ArchiveDamagedError(Fault):
    """An archive does not hold the records that were logged. :ivar finding: the first that is wrong."""

    default_code = "archive_damaged"

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.public_detail = str(finding)
        self.finding = finding


def archive_year(
    services: AuditServices, year: int, path: Path, *, now: datetime, progress: Progress | None = None
) -> Archived:
    """Write the records of ``year`` to ``path``, verify the file and put it on record. Nothing is deleted.

    :raises Rejected: ``year_not_over``. :raises NotFound: ``no_records``. :raises Conflict: ``archive_earlier_first``,
        ``already_pruned``, ``file_exists``. :raises ArchiveDamagedError: if what was written is not what was logged.
    """
    if year >= now.astimezone(UTC).year:
        raise Rejected("Only a year that is over can be archived.", code="year_not_over")
    with services.database.reading() as session:
        if not services.database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        first, stop = _bounds(session, year)
        with new_bundle(path) as bundle:
            head = {"format": FORMAT, "origin": key_in_use(session, services).name, "year": year}
            bundle.writestr(ARCHIVE, json.dumps({**head, "first": first, "stop": stop}))
            write_keys(session, bundle, services)
            write_records(session, bundle, services, first, stop, progress)
        archived = Archived(year, first, stop, file_sha256(path))
        require_good(session, services, path, archived)
    with services.database.transaction() as session:
        row = session.get(AuditShard, year) or AuditShard(year=year)
        row.first, row.stop, row.archive_sha256, row.archived_at = first, stop, archived.sha256, now
        session.add(row)
        _record(session, services, EventType.YEAR_ARCHIVED, archived, now=now)
    return archived


def prune_year(services: AuditServices, year: int, path: Path, *, now: datetime) -> int:
    """Delete the records of an archived year from the database; return how many. Interrupted, it may be repeated.

    :param path: the archive, which is verified again.
    :raises NotFound: ``not_archived``. :raises Rejected: ``too_soon``; ``year_too_young``: the last full year stays.
    :raises ArchiveDamagedError: if the archive is not good. :raises Conflict: (``other_archive``) if it is not the one
        on record.
    """
    with services.database.reading() as session:
        row = session.get(AuditShard, year)
        if row is None:
            raise NotFound(f"The year {year} was not archived.", code="not_archived")
        if year >= now.astimezone(UTC).year - 1:
            raise Rejected("The last full year stays in the database.", code="year_too_young")
        if now < row.archived_at + PAUSE:
            raise Rejected("A day must pass between archive and deletion: keep copies of it first.", code="too_soon")
        archived = Archived(year, row.first, row.stop, row.archive_sha256)
        if file_sha256(path) != archived.sha256:
            raise Conflict("This file is not the archive that is on record.", code="other_archive")
        require_good(session, services, path, archived)
        begun = row.pruned_at is not None
    if not begun:
        with services.database.transaction() as session:
            session.get_one(AuditShard, year).pruned_at = now
            _record(session, services, EventType.YEAR_PRUNED, archived, now=now)
    return _delete(services, archived)


def require_good(session: Session, services: AuditServices, path: Path, archived: Archived) -> None:
    """Require that the file holds the records of the places that ``archived`` names.

    :raises ArchiveDamagedError: naming the first that is wrong.
    """
    archive = Archive.open(path)
    if (archive.first, archive.stop) != (archived.first, archived.stop):
        raise Conflict("This file is the archive of other records.", code="other_archive")
    finding = archive.first_bad(session, services)
    if finding is not None:
        raise ArchiveDamagedError(finding)


def pruned_to(session: Session) -> int:
    """Return the place from which on the records are in the database."""
    return session.scalar(select(func.max(AuditShard.stop)).where(AuditShard.pruned_at.is_not(None))) or 0


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex. :raises Rejected: (``bad_archive``) if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Rejected(f"{path} cannot be read.", code="bad_archive") from error


def _bounds(session: Session, year: int) -> tuple[int, int]:
    """Return the places of the year's records: from signed head to signed head."""
    known = session.get(AuditShard, year)
    if known is not None and known.pruned_at is not None:
        raise Conflict(f"The records of {year} were deleted after they were archived.", code="already_pruned")
    first, stop = (_size_before(session, datetime(each, 1, 1, tzinfo=UTC)) for each in (year, year + 1))
    if first == stop:
        raise NotFound(f"There are no records of {year}.", code="no_records")
    earlier = session.scalar(select(func.max(AuditShard.stop)).where(AuditShard.year < year)) or 0
    if earlier != first:
        raise Conflict("There are earlier records that were not archived.", code="archive_earlier_first")
    return first, stop


def _size_before(session: Session, moment: datetime) -> int:
    table = AUDIT_TABLES.checkpoint
    return session.scalar(select(func.max(table.size)).where(table.signed_at < moment)) or 0


def _delete(services: AuditServices, archived: Archived) -> int:
    entry, deleted = AUDIT_TABLES.entry, 0
    for start in range(archived.first, archived.stop, _BATCH):
        stop = min(archived.stop, start + _BATCH)
        with services.database.transaction() as session:
            gone = session.execute(delete(entry).where(entry.log_index >= start, entry.log_index < stop))
            deleted += gone.rowcount  # type: ignore[attr-defined]
    return deleted


def _record(session: Session, services: AuditServices, kind: EventType, archived: Archived, *, now: datetime) -> None:
    details: dict[str, str | int] = {"first": archived.first, "stop": archived.stop, "sha256": archived.sha256}
    event = Event(type=kind, object_id=str(archived.year), details=details)
    services.journal.record(session, event, now=now)
