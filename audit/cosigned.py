"""Cosignatures as the database keeps them, and the checkpoint that is published with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES, AuditWitness, Cosigned, LogTables
from audit.tree_store import require_checkpoint

# A head that witnesses know is preferred to a newer one that they do not know yet, this long.
PREFERRED_FOR = timedelta(minutes=1)


@dataclass(frozen=True)
class PublishedCheckpoint:
    """A checkpoint with every signature that it has."""

    size: int
    note: str


def published_checkpoint(
    session: Session, *, origin: str, tables: LogTables = AUDIT_TABLES, above: int = 0
) -> PublishedCheckpoint:
    """Return the head to show: of those of the last minute the one with most cosignatures, else the newest.

    :param above: the head must have more records than this.
    :raises NotFound: (``no_checkpoint``) before the first.
    """
    newest = require_checkpoint(session, tables)
    best = session.execute(
        select(Cosigned.size)
        .join(tables.checkpoint, tables.checkpoint.size == Cosigned.size)
        .where(
            Cosigned.origin == origin,
            Cosigned.size > above,
            Cosigned.size <= newest.size,
            tables.checkpoint.signed_at > newest.signed_at - PREFERRED_FOR,
        )
        .group_by(Cosigned.size)
        .order_by(func.count().desc(), Cosigned.size.desc())
        .limit(1)
    ).scalar()
    size = newest.size if best is None else best
    return PublishedCheckpoint(size, checkpoint_note(session, size, origin=origin, tables=tables))


def checkpoint_note(session: Session, size: int, *, origin: str, tables: LogTables = AUDIT_TABLES) -> str:
    """Return the checkpoint of ``size`` with its cosignatures."""
    note = session.scalars(select(tables.checkpoint.note).where(tables.checkpoint.size == size)).one()
    return note + "".join(cosignature_lines(session, origin=origin, size=size))


def cosignature_lines(session: Session, *, origin: str, size: int) -> Sequence[str]:
    """Return the lines that others added to a checkpoint."""
    return session.scalars(
        select(Cosigned.line).where(Cosigned.origin == origin, Cosigned.size == size).order_by(Cosigned.signer)
    ).all()


def store_cosignature(session: Session, *, origin: str, size: int, signer: str, line: str, now: datetime) -> None:
    """Keep a cosignature; the first of a signer on a checkpoint stays."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(Cosigned)
        .values(origin=origin, size=size, signer=signer, line=line, stored_at=now)
        .on_conflict_do_nothing(index_elements=[Cosigned.origin, Cosigned.size, Cosigned.signer])
    )


@dataclass(frozen=True)
class WitnessStatus:
    """What a witness knows of a log.

    :ivar size: of the checkpoint that it co-signed last, 0 if it never did.
    :ivar problem: why it did not co-sign when it was asked last, None if it did.
    """

    witness: str
    size: int
    cosigned_at: datetime | None
    problem: str | None
    problem_since: datetime | None

    @property
    def accuses(self) -> bool:
        """Whether the witness saw another history than the one here."""
        return self.problem in ACCUSATIONS


# The witness knows a larger tree, or one that ours does not continue: a fork, or an older state restored.
ACCUSATIONS = ("witness_is_ahead", "witness_saw_another_tree")


def witness_status(session: Session, *, origin: str, witnesses: Sequence[str]) -> list[WitnessStatus]:
    """Return what is known of each of ``witnesses``."""
    chosen: ColumnElement[bool] = AuditWitness.witness.in_(witnesses)
    found = session.scalars(select(AuditWitness).where(AuditWitness.origin == origin, chosen))
    rows = {row.witness: row for row in found}
    return [
        WitnessStatus(name, row.size, row.cosigned_at, row.problem, row.problem_since)
        if (row := rows.get(name))
        else WitnessStatus(name, 0, None, "not_asked_yet", None)
        for name in witnesses
    ]
