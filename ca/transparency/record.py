"""Writing certificates into the log: in the transaction that stores their signatures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from ca.transparency.entry import LoggedCertificate, make_entry
from ca.transparency.model import CertificateLogEntry
from kernel.late_rows import insert_later

_TABLE = cast(Table, CertificateLogEntry.__table__)


def log_certificate(session: Session, certificate: LoggedCertificate, *, now: datetime) -> None:
    """Write the certificate's entry in the caller's transaction, which also stores the signature.

    The row is inserted just before the commit, by one statement for all certificates of the transaction.

    :raises Fault: (``certificate_too_large``).
    """
    entry = make_entry(certificate, now=now)
    insert_later(
        session,
        _TABLE,
        {
            "id": certificate.serial,
            "occurred_at": now,
            "kind": entry.kind.value,
            "commitment": entry.commitment,
            "leaf": entry.leaf,
            "log_index": None,
        },
    )


def log_certificates(session: Session, certificates: Iterable[LoggedCertificate], *, now: datetime) -> None:
    """Write many certificates' entries in the caller's transaction; see :func:`log_certificate`."""
    for certificate in certificates:
        log_certificate(session, certificate, now=now)
