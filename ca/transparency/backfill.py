"""Certificates that are older than the log are put into it; later ones that are missing are an alarm.

Whoever writes a certificate past the log into the table would otherwise have it logged in silence: what was issued
after the log began and is not in it stays out until an operator has looked (``sau ca log backfill``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Select, Table, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.sequencer import begin_log
from audit.tree_store import find_head
from audit.vocabulary import EventType
from ca.issuance.model import Certificate
from ca.transparency.entry import LoggedCertificate, make_entry
from ca.transparency.log import CertificateLog
from ca.transparency.model import LOG_TABLES, CertificateLogEntry

BATCH = 500
_COLUMNS = (
    Certificate.serial,
    Certificate.certificate_der,
    Certificate.profile,
    Certificate.profile_version,
    Certificate.institution_ruc,
    Certificate.holder_id,
)


class Backfill:
    """Goes once through the certificates of before the log, a batch a transaction. One a worker; two do no harm."""

    def __init__(self, log: CertificateLog, journal: Journal) -> None:
        self._log = log
        self._journal = journal
        self._after = ""
        self.done = False

    def run(self, *, now: datetime, batches: int = 4) -> int:
        """Log at most ``batches`` batches and return how many certificates; nothing once all were seen."""
        logged = 0
        for _ in range(0 if self.done else batches):
            with self._log.database.transaction() as session:
                began_at = _beginning(session, self._log, now=now)
                rows = session.execute(
                    _missing(*_COLUMNS)
                    .where(Certificate.serial > self._after, Certificate.issued_at < began_at)
                    .order_by(Certificate.serial)
                    .limit(BATCH)
                ).all()
                logged += _log_rows(session, [LoggedCertificate(**row._mapping) for row in rows], self._journal, now)
            if len(rows) < BATCH:
                self.done = True
                break
            self._after = rows[-1].serial
        return logged


def log_missing(session: Session, *, journal: Journal, limit: int = BATCH, now: datetime) -> list[str]:
    """Log up to ``limit`` signed certificates that have no entry, whenever they were issued; return their serials."""
    rows = session.execute(_missing(*_COLUMNS).order_by(Certificate.serial).limit(limit)).all()
    _log_rows(session, [LoggedCertificate(**row._mapping) for row in rows], journal, now)
    return [row.serial for row in rows]


def find_unlogged(session: Session, *, limit: int = 20) -> list[str]:
    """Return serials of signed certificates that have no entry."""
    return list(session.scalars(_missing(Certificate.serial).order_by(Certificate.serial).limit(limit)))


def count_unlogged(session: Session, *, since: datetime | None = None) -> tuple[int, int]:
    """Return how many signed certificates without an entry are older than the log, and how many are not.

    :param since: look only at certificates issued from then on, by an index: for what is asked often.
    """
    head = find_head(session, LOG_TABLES)
    older: ColumnElement[bool] | None = None
    if head is not None and head.began_at is not None:
        older = Certificate.issued_at < head.began_at
    statement = _missing(func.count()) if older is None else _missing(func.count(), func.count().filter(older))
    if since is not None:
        statement = statement.where(Certificate.issued_at >= since)
    missing, *of_before = (int(count) for count in session.execute(statement).one())
    return (missing, 0) if older is None else (of_before[0], missing - of_before[0])


def _missing(*columns: object) -> Select[*tuple[object, ...]]:
    return select(*columns).where(  # type: ignore[call-overload, no-any-return]
        Certificate.certificate_der.is_not(None), ~exists().where(CertificateLogEntry.id == Certificate.serial)
    )


def _beginning(session: Session, log: CertificateLog, *, now: datetime) -> datetime:
    head = find_head(session, LOG_TABLES)
    if head is None:
        begin_log(session, log=log, now=now)
        return now
    return head.began_at or now


def _log_rows(session: Session, certificates: Sequence[LoggedCertificate], journal: Journal, now: datetime) -> int:
    """Write entries, leaving those that another process wrote meanwhile."""
    if not certificates:
        return 0
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = []
    for certificate in certificates:
        entry = make_entry(certificate, now=now)
        values.append(
            {
                "id": certificate.serial,
                "occurred_at": now,
                "kind": entry.kind.value,
                "commitment": entry.commitment,
                "leaf": entry.leaf,
            }
        )
    table = cast(Table, CertificateLogEntry.__table__)
    session.connection().execute(upsert(table).on_conflict_do_nothing(index_elements=[table.c.id]), values)
    event = Event(
        type=EventType.CERTIFICATES_LOGGED_LATE,
        details={
            "certificates": len(values),
            "first_serial": certificates[0].serial,
            "last_serial": certificates[-1].serial,
        },
    )
    journal.record(session, event, now=now)
    return len(values)
