"""Cosignatures as the database keeps them, and the checkpoint that is published with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.model import AUDIT_TABLES, AuditWitness, Cosigned, LogTables
from audit.tree_store import require_checkpoint

# A head that witnesses know is preferred to a newer one that they do not know yet, this long.
PREFERRED_FOR = timedelta(minutes=1)
# Cosignatures as old as this are thinned to one an hour of each signer: what a later one covers needs no earlier one.
ALL_KEPT_FOR = timedelta(days=1)
_LOOKED_AT = timedelta(days=8)  # what is older was thinned before
_AT_ONCE = 500


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


def thin_cosignatures(session: Session, *, now: datetime) -> int:
    """Delete of each signer's cosignatures of an hour, a day and more ago, all but the last; return how many.

    No proof is lost: a tree of any size is proved to be part of every later one that was co-signed.
    """
    rows = session.execute(
        select(Cosigned.origin, Cosigned.signer, Cosigned.size, Cosigned.stored_at)
        .where(Cosigned.stored_at < now - ALL_KEPT_FOR, Cosigned.stored_at >= now - _LOOKED_AT)
        .order_by(Cosigned.size)
    ).all()
    last = {(origin, signer, f"{stored:%Y%m%d%H}"): size for origin, signer, size, stored in rows}
    kept = {(origin, size, signer) for (origin, signer, _), size in last.items()}
    covered = [key for origin, signer, size, _ in rows if (key := (origin, size, signer)) not in kept]
    for begin in range(0, len(covered), _AT_ONCE):
        some = covered[begin : begin + _AT_ONCE]
        session.execute(delete(Cosigned).where(tuple_(Cosigned.origin, Cosigned.size, Cosigned.signer).in_(some)))
    return len(covered)


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
