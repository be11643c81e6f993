"""Records that are gone must have been archived, and a record in the log must say so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.archive_file import Archive
from audit.findings import Finding, FindingKind
from audit.model import AuditEvent, AuditShard
from audit.signed_log import SignedLog
from audit.vocabulary import EventType


def check_shards(session: Session) -> list[Finding]:
    """Check the years whose records were deleted: whoever cuts the log's beginning might write such a row, too."""
    findings = []
    for row in session.scalars(select(AuditShard).where(AuditShard.pruned_at.is_not(None)).order_by(AuditShard.first)):
        words = session.scalars(
            select(AuditEvent.leaf).where(
                AuditEvent.type == EventType.YEAR_PRUNED.value,
                AuditEvent.object_id == str(row.year),
                AuditEvent.log_index.is_not(None),  # under a signature
            )
        )
        said = {"first": row.first, "stop": row.stop, "sha256": row.archive_sha256}
        if not any(json.loads(leaf).get("details") == said for leaf in words):
            detail = f"{row.stop - row.first} records are gone, and no record says that they were archived"
            findings.append(Finding(FindingKind.UNRECORDED, row.first, None, detail))
    return findings


def check_archives(session: Session, log: SignedLog, paths: Sequence[Path]) -> list[Finding]:
    """Verify archives against the tree that stayed. :raises Rejected: (``bad_archive``) for a file that is none."""
    found = (Archive.open(path).first_bad(session, log) for path in paths)
    return [finding for finding in found if finding is not None]
