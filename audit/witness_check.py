"""Holding the stored cosignatures against the checkpoints, and both against how many witnesses there must be."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.checkpoint import CheckpointError
from audit.cosignature import read_cosignatures
from audit.cosigned import witness_status
from audit.findings import Finding, FindingKind
from audit.model import Cosigned
from audit.signed_log import SignedLog, key_in_use

# Witnesses may be away for a while; what is older than this and not co-signed is a finding.
WITNESSED_WITHIN = timedelta(hours=1)


def check_witnesses(session: Session, log: SignedLog, *, now: datetime) -> tuple[int, int | None, list[Finding]]:
    """Verify every stored cosignature of the witnesses that the settings name.

    :returns: how many hold; the size of the largest checkpoint with a quorum (None: there are no witnesses); findings.
    """
    policy, tables = log.policy, log.tables
    if not policy.witnesses:
        return 0, None, []
    origin, names = key_in_use(session, log).name, [witness.key.name for witness in policy.witnesses]
    rows = session.execute(
        select(Cosigned.size, Cosigned.signer, Cosigned.line, tables.checkpoint.note)
        .outerjoin(tables.checkpoint, tables.checkpoint.size == Cosigned.size)
        .where(Cosigned.origin == origin, Cosigned.signer.in_(names))
        .order_by(Cosigned.size)
    )
    holding: Counter[int] = Counter()
    findings = []
    for size, signer, line, note in rows:
        detail = f"the cosignature of {signer} is not over the checkpoint that stands here"
        try:
            if note is not None and read_cosignatures(note + line, witnesses=policy.keys):
                holding[size] += 1
                continue
        except CheckpointError:
            pass
        findings.append(Finding(FindingKind.COSIGNATURE_FORGED, size, None, detail))
    witnessed = max((size for size, count in holding.items() if count >= policy.quorum), default=0)
    unwitnessed = session.scalar(
        select(tables.checkpoint.size)
        .where(tables.checkpoint.size > witnessed, tables.checkpoint.signed_at < now - WITNESSED_WITHIN)
        .order_by(tables.checkpoint.size)
        .limit(1)
    )
    if unwitnessed is not None:
        detail = f"signed more than an hour ago, and fewer than {policy.quorum} witnesses stand for it or a later one"
        findings.append(Finding(FindingKind.NOT_WITNESSED, unwitnessed, None, detail))
    for status in witness_status(session, origin=origin, witnesses=names):
        if status.accuses:
            detail = f"{status.witness} knows another history than this, since {status.problem_since:%Y-%m-%d %H:%M}Z"
            findings.append(Finding(FindingKind.WITNESS_ACCUSES, status.size, None, detail))
    return holding.total(), witnessed, findings


def inspect_witnesses(log: SignedLog, *, now: datetime) -> tuple[int, int | None, list[Finding]]:
    """Do :func:`check_witnesses` with a session of its own."""
    with log.database.reading() as session:
        return check_witnesses(session, log, now=now)
