"""What a batch made, to take away: a table of every row's outcome and a file a certificate."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.bulk.model import BatchRow
from ca.bulk.view import find_batch, list_rows
from ca.issuance.authority import authority_chain
from ca.issuance.model import Certificate
from ca.services import CaServices
from ca.transparency.model import CertificateLogEntry
from ca.transparency.promise import sequence_waiting
from kernel.errors import Conflict
from web.csv_export import neutralize_cell

_PAGE = 500


def write_result(out: IO[bytes], *, services: CaServices, batch_id: str, actor: str, now: datetime) -> int:
    """Write the result as a zip file and put on record who took it; return how many certificates it holds.

    First every certificate gets its place in the public certificate log. Outside of any transaction.

    In it: ``result.csv`` (line, state, serial, subject, institution, code, reason), ``certificates/LINE-SERIAL.pem``
    (one certificate each) and ``chain.pem`` (the authorities above them, the root left out).

    :raises kernel.errors.NotFound: ``unknown_batch``. :raises Conflict: (``nothing_signed``) if there is none yet.
    """
    with services.database.reading() as session:
        if not find_batch(session, services=services, batch_id=batch_id).signed:
            raise Conflict("No certificate of this batch is signed yet.", code="nothing_signed")
    sequence_waiting(services.certificate_log, now=now)
    with services.database.transaction() as session:
        return _write(session, out, services=services, batch_id=batch_id, actor=actor, now=now)


def _write(session: Session, out: IO[bytes], *, services: CaServices, batch_id: str, actor: str, now: datetime) -> int:
    batch = find_batch(session, services=services, batch_id=batch_id)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        above = authority_chain(session, batch.authority_id)
        chain = "".join(_pem(record.certificate_der) for record in above if not record.is_root)
        archive.writestr("chain.pem", chain)
        archive.writestr("result.csv", _table(session, batch_id))
        count = _write_certificates(session, archive, batch_id)
    event = Event(type=EventType.BATCH_DELIVERED, actor=actor, object_id=batch_id, details={"certificates": count})
    services.journal.record(session, event, now=now)
    return count


def _table(session: Session, batch_id: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("line", "state", "serial", "subject", "institution", "code", "reason"))
    after = 0
    while rows := list_rows(session, batch_id=batch_id, after_line=after, limit=_PAGE):
        after = rows[-1].line
        for row in rows:
            cells = (row.serial, row.subject, row.institution_ruc, row.code, row.reason)
            writer.writerow((row.line, row.state, *(neutralize_cell(cell or "") for cell in cells)))
    return text.getvalue()


def _write_certificates(session: Session, archive: zipfile.ZipFile, batch_id: str) -> int:
    after = count = 0
    while True:
        rows = session.execute(
            select(BatchRow.line, Certificate.serial, Certificate.certificate_der)
            .join(Certificate, Certificate.serial == BatchRow.serial)
            .join(CertificateLogEntry, CertificateLogEntry.id == Certificate.serial)
            .where(
                BatchRow.batch_id == batch_id,
                BatchRow.state == "issued",
                BatchRow.line > after,
                Certificate.certificate_der.is_not(None),
                CertificateLogEntry.log_index.is_not(None),
            )
            .order_by(BatchRow.line)
            .limit(_PAGE)
        ).all()
        if not rows:
            return count
        for line, serial, der in rows:
            assert der is not None
            archive.writestr(f"certificates/{line:06}-{serial}.pem", _pem(der))
        after, count = rows[-1][0], count + len(rows)


def _pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")
