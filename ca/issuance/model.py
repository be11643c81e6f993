"""Tables of authorities and of the certificates that they issued."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class Authority(Base):
    """A certification authority of ours: the root, or one that issues.

    ``name`` is its short name in URLs and commands (``root``, ``issuing-1``). ``key_name`` names its key in the key
    store: for the root that is the ceremony's store, which no web process opens.
    """

    __tablename__ = "ca_authority"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    key_name: Mapped[str] = mapped_column(String(80))
    issuer_id: Mapped[str | None] = mapped_column(ForeignKey("ca_authority.id"))  # null: self-signed
    certificate_der: Mapped[bytes]
    subject_key_identifier: Mapped[str] = mapped_column(String(64), unique=True)  # lower-case hex
    not_after: Mapped[datetime]
    created_at: Mapped[datetime]
    # How its certificates' status is listed: ca.revocation.lists.
    crl_shards: Mapped[int] = mapped_column(default=1, server_default="1")  # new certificates are spread over these
    delta_lists: Mapped[bool] = mapped_column(default=False, server_default=text("false"))


class ProfileAuthority(Base):
    """Which authority issues a profile's certificates, where that is another than the profile's file says."""

    __tablename__ = "ca_profile_authority"

    profile: Mapped[str] = mapped_column(String(64), primary_key=True)
    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"))
    since: Mapped[datetime]


class CeremonyRecord(Base):
    """A ceremony that was rehearsed or held. Its file and its minutes are on paper; here are their digests."""

    __tablename__ = "ca_ceremony"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    file_sha256: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(200))
    rehearsal: Mapped[bool]
    minutes_sha256: Mapped[str] = mapped_column(String(64))
    held_at: Mapped[datetime]


class Certificate(Base):
    """A certificate that was or is being issued, authorities' own ones and OCSP responders' included.

    The row and its event are committed with the to-be-signed bytes *before* the key signs (``certificate_der`` still
    null): a crash at any point leaves no certificate that the database does not know.
    """

    __tablename__ = "ca_certificate"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)  # lower-case hex, no leading zeros stripped off
    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"), index=True)
    request_id: Mapped[str | None] = mapped_column(String(26), index=True)
    profile: Mapped[str] = mapped_column(String(64))
    profile_version: Mapped[int]
    subject: Mapped[str] = mapped_column(String(1000))  # RFC 4514 text
    names: Mapped[list[str]]  # dNSNames and addresses of the SAN
    institution_ruc: Mapped[str | None] = mapped_column(String(13))
    holder_id: Mapped[str | None] = mapped_column(String(26), index=True)  # person, for personal certificates
    client_id: Mapped[str | None] = mapped_column(String(64))  # application, if it registered with its CSR
    spki_sha256: Mapped[str] = mapped_column(String(64), index=True)
    crl_shard: Mapped[int] = mapped_column(default=0)  # the list of its authority that its CDP names
    not_before: Mapped[datetime]
    not_after: Mapped[datetime] = mapped_column(index=True)
    issued_at: Mapped[datetime] = mapped_column(index=True)
    tbs_der: Mapped[bytes]
    certificate_der: Mapped[bytes | None]
    certificate_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    # Status: written by ca.revocation only.
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)
    revocation_reason: Mapped[str | None] = mapped_column(String(32))  # RFC 5280 §5.3.1 name, e.g. keyCompromise
    compromised_at: Mapped[datetime | None]  # invalidityDate
    crl_revision: Mapped[int | None]  # of its list's series, when its entry last changed

    # All that a list says, in the order of the list: it is read from the index, and never from these wide rows.
    __table_args__ = (
        # What is revoked among the serial numbers of a page of OCSP answers: ca.revocation.ahead.
        Index(
            "ix_ca_certificate_revoked_serial",
            "authority_id",
            "serial",
            sqlite_where=text("revoked_at IS NOT NULL"),
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
        # An institution's certificates, and those of one subject: whether a certificate was renewed is asked by it.
        Index("ix_ca_certificate_institution_ruc", "institution_ruc", "subject"),
        Index(
            "ix_ca_certificate_listed",
            "authority_id",
            "crl_shard",
            "revoked_at",
            "serial",
            "revocation_reason",
            "compromised_at",
            "not_after",
            "crl_revision",
            sqlite_where=text("revoked_at IS NOT NULL"),
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
    )
