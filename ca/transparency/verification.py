"""The certificate log verified: tree, signatures, entries, and that it is the log of the certificates in the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.anchor import Anchor
from audit.diagnosis import MOST
from audit.event import canonical_json
from audit.findings import Finding, FindingKind, LogTamperedError, VerificationReport
from audit.log_source import DatabaseLog, LogSource, Row
from audit.verification import Progress, verify_log
from audit.witness_check import check_witnesses
from ca.issuance.model import Certificate
from ca.serial import serial_text
from ca.transparency.backfill import find_unlogged
from ca.transparency.entry import commitment, committed_by, read_certificate
from ca.transparency.log import CertificateLog
from ca.transparency.model import LOG_TABLES, CertificateLogEntry

COLUMNS = ("kind", "commitment")
_PAGE = 1000


def verify_stored_log(
    log: CertificateLog,
    *,
    since: int = 0,
    progress: Progress | None = None,
    anchors: Sequence[Anchor] | None = None,
) -> VerificationReport:
    """Verify the log in the database, anchors, witnesses, and the certificates against it, while the service runs.

    :param anchors: these instead of those beside the database, after a restore.

    :raises LogTamperedError: naming the first bad entry.
    """
    anchors = list(log.anchors) if anchors is None else anchors  # before the database: each is written after its commit
    with log.database.reading() as session:
        if not log.database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        source = DatabaseLog(session, anchors=anchors, default_origin=log.origin, tables=LOG_TABLES, columns=COLUMNS)
        try:
            report = verify_source(source, log, since=since, waiting=source.waiting(), progress=progress)
        except LogTamperedError as error:
            report = error.report
        count, witnessed, doubts = check_witnesses(session, log, now=log.clock.now())
        findings = [*report.findings, *_compare(session, since=report.first_index, end=report.size), *doubts]
    report = replace(report, cosignatures=count, witnessed=witnessed)
    if findings:
        findings.sort(key=lambda finding: finding.index)
        raise LogTamperedError(replace(report, findings=tuple(findings)))
    return report


def verify_source(
    source: LogSource, log: CertificateLog, *, since: int = 0, waiting: int = 0, progress: Progress | None = None
) -> VerificationReport:
    """Verify a stored log by itself. :raises LogTamperedError: naming the first bad entry."""
    return verify_log(source, log_key=log.log_key, since=since, waiting=waiting, progress=progress, check=check_entry)


def check_entry(index: int, row: Row) -> Finding | None:
    """Check an entry whose hash is right: canonical form, and that the columns say what it says."""
    try:
        leaf = json.loads(row.leaf)
        canonical = isinstance(leaf, dict) and canonical_json(leaf) == row.leaf
        whole = read_certificate(row.leaf) if canonical else None
        said = {"kind": str(leaf["kind"]), "commitment": committed_by(row.leaf)} if canonical else {}
        serial = serial_text(x509.load_der_x509_certificate(whole[0]).serial_number) if whole else row.event_id
    except (ValueError, KeyError):
        canonical = False
    if not canonical:
        return Finding(FindingKind.NOT_CANONICAL, index, row.event_id, "the entry is none of this log's form")
    if row.columns is None:
        return None
    moment = str(leaf.get("logged_at") or leaf.get("logged_on"))
    wrong = [name for name in COLUMNS if row.columns[name] != said[name]]
    wrong += ["id"] if serial != row.event_id else []
    wrong += ["occurred_at"] if not str(row.columns["occurred_at"]).startswith(moment) else []
    if not wrong:
        return None
    detail = f"the entry is good, its columns {', '.join(wrong)} say something else"
    return Finding(FindingKind.COLUMNS_DISAGREE, index, row.event_id, detail)


def _compare(session: Session, *, since: int, end: int) -> list[Finding]:
    """Compare the table of certificates with the entries."""
    findings = []
    for index, serial, committed, der in _pairs(session, since):
        if der is None:
            detail = "the certificate of this entry is not in its table"
            findings.append(Finding(FindingKind.REMOVED, index, serial, detail))
        elif commitment(der) != committed:
            detail = "the certificate in its table is not the one that was logged"
            findings.append(Finding(FindingKind.CHANGED, index, serial, detail))
        if len(findings) >= MOST:
            return findings
    for serial in find_unlogged(session, limit=MOST):
        findings.append(Finding(FindingKind.UNRECORDED, end, serial, "the certificate was never put into the log"))
    return findings


def _pairs(session: Session, since: int) -> Iterator[tuple[int, str, str, bytes | None]]:
    entry = CertificateLogEntry
    while True:
        rows = session.execute(
            select(entry.log_index, entry.id, entry.commitment, Certificate.certificate_der)
            .outerjoin(Certificate, Certificate.serial == entry.id)
            .where(entry.log_index >= since)
            .order_by(entry.log_index)
            .limit(_PAGE)
        ).all()
        for row in rows:
            yield row[0] or 0, row[1], row[2], row[3]
        if len(rows) < _PAGE:
            return
        since = (rows[-1][0] or 0) + 1
