"""Verification of the service's own log."""

from __future__ import annotations

from collections.abc import Sequence

from audit.anchor import Anchor
from audit.findings import VerificationReport
from audit.log_source import DatabaseLog
from audit.services import AuditServices
from audit.verification import Progress, verify_log


def verify_stored_log(
    services: AuditServices,
    *,
    since: int = 0,
    progress: Progress | None = None,
    anchors: Sequence[Anchor] | None = None,
) -> VerificationReport:
    """Verify the log in the database, with the anchors beside it, while the service runs.

    :param anchors: these instead, after a restore.

    :raises LogTamperedError: naming the first bad record. Parameters as of :func:`audit.verification.verify_log`.
    """
    # Anchors first: each is written after its commit, so what they state must be in what is read after them.
    anchors = list(services.anchors) if anchors is None else anchors
    with services.database.reading() as session:
        if not services.database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        source = DatabaseLog(session, anchors=anchors, default_origin=services.origin)
        return verify_log(source, log_key=services.log_key, since=since, waiting=source.waiting(), progress=progress)
