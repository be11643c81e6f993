"""How the certificate log is doing: for ``sau doctor``, metrics and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit.status import LogStatus, log_status
from ca.transparency.backfill import count_unlogged
from ca.transparency.model import LOG_TABLES

RECENT = timedelta(days=1)


@dataclass(frozen=True)
class CertificateLogStatus:
    """The log's state.

    :ivar older: signed certificates of before the log that wait to be put into it.
    :ivar unlogged: signed certificates issued since the log began that are not in it: there must be none.
    """

    log: LogStatus
    older: int
    unlogged: int

    @property
    def healthy(self) -> bool:
        """Whether every certificate is where it must be."""
        return self.log.healthy and not self.unlogged


def certificate_log_status(session: Session, *, now: datetime, recent: bool = False) -> CertificateLogStatus:
    """Return the state of the log.

    :param recent: count only certificates of the last day, which is quick however many there are.
    """
    older, unlogged = count_unlogged(session, since=now - RECENT if recent else None)
    return CertificateLogStatus(log_status(session, now=now, tables=LOG_TABLES), older, unlogged)
