"""Tables of the evidence, and the columns that every Merkle log of ours has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class LeafColumns:
    """What a log's entries have: a name, a moment, the leaf, and its place (null until the sequencer gave it one)."""

    id: Mapped[str]
    occurred_at: Mapped[datetime]
    leaf: Mapped[bytes]
    log_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)


class HeadColumns:
    """The tree's head and the sequencer's lease: one row, so that one conditional UPDATE guards both.

    :ivar origin: names the log; fixed when the log begins.
    :ivar fence: grows with each new holder of the lease; a holder that was overtaken changes nothing any more.
    :ivar began_at: when the log began; null in a log that is older than this column.
    """

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    sequenced_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str | None] = mapped_column(String(26))
    leased_until: Mapped[datetime | None]
    began_at: Mapped[datetime | None]


class TileColumns:
    """A tile (C2SP tlog-tiles) at its greatest width so far; a narrower one is its beginning."""

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


class CheckpointColumns:
    """A signed tree head. ``size`` and ``root`` repeat what ``note`` says."""

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime]


@dataclass(frozen=True)
class LogTables:
    """The four tables of one log."""

    entry: type[LeafColumns]
    head: type[HeadColumns]
    tile: type[TileColumns]
    checkpoint: type[CheckpointColumns]


class AuditEvent(LeafColumns, Base):
    """An event. ``leaf`` is the evidence; the other columns repeat what it says, to search by.

    ``log_index`` is null until the sequencer has put the leaf into the tree.
    """

    __tablename__ = "audit_event"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    type: Mapped[str] = mapped_column(String(64), index=True)
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(64))
    actor: Mapped[str | None] = mapped_column(String(64))
    client_id: Mapped[str | None] = mapped_column(String(64))
    session_id: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))
    object_id: Mapped[str | None] = mapped_column(String(128))
    leaf: Mapped[bytes]


class AuditHead(HeadColumns, Base):
    """The head of the audit log."""

    __tablename__ = "audit_head"


class AuditTile(TileColumns, Base):
    """A tile of the audit log."""

    __tablename__ = "audit_tile"


class AuditCheckpoint(CheckpointColumns, Base):
    """A signed head of the audit log."""

    __tablename__ = "audit_checkpoint"


AUDIT_TABLES = LogTables(AuditEvent, AuditHead, AuditTile, AuditCheckpoint)


class Cosigned(Base):
    """A further signature line on a checkpoint of any of our logs: a witness's, or one by another key of the log.

    :ivar signer: the name in the line. :ivar line: as the note carries it, newline included.
    """

    __tablename__ = "audit_cosignature"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    signer: Mapped[str] = mapped_column(String(255), primary_key=True)
    line: Mapped[str] = mapped_column(Text)
    stored_at: Mapped[datetime]


class AuditWitness(Base):
    """What a witness knows of one of our logs, and why it did not co-sign if it did not."""

    __tablename__ = "audit_witness"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    witness: Mapped[str] = mapped_column(String(255), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    cosigned_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(64))
    problem_since: Mapped[datetime | None]


class AuditShard(Base):
    """A year's records that were archived: the places [first, stop), and the archive's SHA-256 in hex.

    :ivar pruned_at: since when the records may be gone from the database; null while they stay.
    """

    __tablename__ = "audit_shard"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(BigInteger)
    stop: Mapped[int] = mapped_column(BigInteger)
    archive_sha256: Mapped[str] = mapped_column(String(64))
    archived_at: Mapped[datetime]
    pruned_at: Mapped[datetime | None]


class HolderKey(Base):
    """The key that personal data about one holder is sealed under, itself sealed by the key store's secret.

    A holder is a person's id, or ``service:YYYY-MM`` for events that no known person stands behind. Destroying the key
    leaves the row without it: personal data of every event about the holder becomes unreadable, no proof breaks, and no
    other key is ever made in its place.
    """

    __tablename__ = "audit_holder_key"

    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed_key: Mapped[bytes | None]
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


# What an event does not name costs no index anything.
for _column in ("subject", "actor", "client_id", "session_id", "request_id", "object_id"):
    Index(
        f"ix_audit_event_{_column}",
        getattr(AuditEvent, _column),
        postgresql_where=getattr(AuditEvent, _column).is_not(None),
        sqlite_where=getattr(AuditEvent, _column).is_not(None),
    )
# What went wrong at an application: a page of its developers asks for the last ones. Errors are few.
Index(
    "ix_audit_event_client_failed",
    AuditEvent.client_id,
    AuditEvent.occurred_at,
    postgresql_where=AuditEvent.outcome != "success",
    sqlite_where=AuditEvent.outcome != "success",
)
# What the sequencer looks for twice a second: a small index, however long the log.
Index(
    "ix_audit_event_unsequenced",
    AuditEvent.occurred_at,
    AuditEvent.id,
    postgresql_where=AuditEvent.log_index.is_(None),
    sqlite_where=AuditEvent.log_index.is_(None),
)
