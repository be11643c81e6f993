"""Verification of the service's own log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from audit.anchor import Anchor, anchor_of
from audit.archive import pruned_to
from audit.archive_check import check_archives, check_shards
from audit.checkpoint import CheckpointError, LogKey
from audit.findings import Finding, FindingKind, LogTamperedError, VerificationReport
from audit.log_source import DatabaseLog
from audit.services import AuditServices
from audit.signed_log import key_in_use
from audit.verification import Progress, verify_log
from audit.witness_check import check_witnesses


def verify_stored_log(
    services: AuditServices,
    *,
    since: int = 0,
    progress: Progress | None = None,
    anchors: Sequence[Anchor] | None = None,
    elsewhere: Sequence[tuple[str, str]] = (),
    archives: Sequence[Path] = (),
) -> VerificationReport:
    """Verify the log in the database, with the anchors beside it and the witnesses' words, while the service runs.

    :param anchors: these instead, after a restore.
    :param elsewhere: checkpoints that others kept, each with where it is from: the log must continue them.
    :param archives: files of years that were archived, to be held against the tree.
    :raises LogTamperedError: naming the first bad record. Parameters as of :func:`audit.verification.verify_log`.
    """
    # Anchors first: each is written after its commit, so what they state must be in what is read after them.
    anchors = list(services.anchors) if anchors is None else anchors
    with services.database.reading() as session:
        if not services.database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        key = key_in_use(session, services)
        kept, bad = _read_elsewhere(elsewhere, key)
        gone = pruned_to(session)
        bad += check_shards(session) + check_archives(session, services, archives)
        source = DatabaseLog(session, anchors=[*anchors, *kept], default_origin=services.origin)
        try:
            report = verify_log(
                source, log_key=services.log_key, since=max(since, gone), waiting=source.waiting(), progress=progress
            )
        except LogTamperedError as error:
            report = error.report
        count, witnessed, findings = check_witnesses(session, services, now=services.clock.now())
    report = replace(
        report,
        cosignatures=count,
        witnessed=witnessed,
        archived=gone,
        findings=tuple(sorted((*report.findings, *findings, *bad), key=lambda finding: finding.index)),
    )
    if report.findings:
        raise LogTamperedError(report)
    return report


def _read_elsewhere(notes: Sequence[tuple[str, str]], key: LogKey) -> tuple[list[Anchor], list[Finding]]:
    anchors: list[Anchor] = []
    findings = []
    for source, note in notes:
        try:
            anchors.append(anchor_of(source, note, key=key))
        except CheckpointError as error:
            findings.append(Finding(FindingKind.ANCHOR_DAMAGED, 0, None, f"{source}: {error.public_detail}"))
    return anchors, findings
