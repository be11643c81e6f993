"""Tables of the certificate log, and of the public register that follows from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from audit.model import CheckpointColumns, HeadColumns, LeafColumns, LogTables, TileColumns
from kernel.database import Base

# Ranges of names are compared octet by octet, whatever language the database sorts by.
_OCTETS = String(255).with_variant(String(255, collation="C"), "postgresql")


class CertificateLogEntry(LeafColumns, Base):
    """A certificate's entry, written in the transaction that stores its signature.

    :ivar id: the certificate's serial number. No foreign key: the log outlives whatever is done to other tables.
    :ivar kind: of :class:`ca.transparency.entry.Kind`. :ivar commitment: see :func:`ca.transparency.entry.commitment`.
    """

    __tablename__ = "ca_log_entry"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    occurred_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(12))
    commitment: Mapped[str] = mapped_column(String(64), unique=True)
    leaf: Mapped[bytes]


class CertificateLogHead(HeadColumns, Base):
    """The head of the certificate log."""

    __tablename__ = "ca_log_head"


class CertificateLogTile(TileColumns, Base):
    """A tile of the certificate log."""

    __tablename__ = "ca_log_tile"


class CertificateLogCheckpoint(CheckpointColumns, Base):
    """A signed head of the certificate log."""

    __tablename__ = "ca_log_checkpoint"


LOG_TABLES = LogTables(CertificateLogEntry, CertificateLogHead, CertificateLogTile, CertificateLogCheckpoint)


class PublicListing(Base):
    """A certificate whose entry is whole: it follows its entry into the log, in the same transaction."""

    __tablename__ = "ca_public_certificate"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    log_index: Mapped[int] = mapped_column(BigInteger)
    ruc: Mapped[str | None] = mapped_column(String(13))
    not_before: Mapped[datetime]


class PublicName(Base):
    """A DNS name or address of a public certificate.

    :ivar name: labels in reverse order with a space between, ``ec gob ejemplo tramites``: a domain and everything
        below it are one range, in which no other domain falls (a space sorts before every letter of a label).
    """

    __tablename__ = "ca_public_name"

    name: Mapped[str] = mapped_column(_OCTETS, primary_key=True)
    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    not_before: Mapped[datetime]


class PublicInstitution(Base):
    """An institution that has a public certificate, under each name that one gave it.

    :ivar folded: the name in small letters without accents, to search by.
    """

    __tablename__ = "ca_public_institution"

    ruc: Mapped[str] = mapped_column(String(13), primary_key=True)
    folded: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))


# What the sequencer looks for twice a second: a small index, however long the log.
Index(
    "ix_ca_log_entry_unsequenced",
    CertificateLogEntry.occurred_at,
    CertificateLogEntry.id,
    postgresql_where=CertificateLogEntry.log_index.is_(None),
    sqlite_where=CertificateLogEntry.log_index.is_(None),
)
# In the order in which pages of results show them.
Index("ix_ca_public_name_newest", PublicName.name, PublicName.not_before.desc(), PublicName.serial)
Index("ix_ca_public_certificate_ruc", PublicListing.ruc, PublicListing.not_before.desc(), PublicListing.serial)
