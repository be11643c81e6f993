"""Tables of certificate status: blocked keys, revocation lists, OCSP signers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class CompromisedKey(Base):
    """A public key that must never be certified again: somebody other than its holder may have it."""

    __tablename__ = "ca_compromised_key"

    spki_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    serial: Mapped[str] = mapped_column(String(40))  # the certificate through which it became known
    compromised_at: Mapped[datetime | None]
    reported_at: Mapped[datetime]


class CertificateHold(Base):
    """A suspension of a certificate, and how it ended. At most one of a certificate is open.

    While it lasts, the certificate's row has ``revoked_at`` and the reason ``certificateHold``. ``held_as``: in which
    capacity, a :class:`ca.revocation.hold.HeldAs`. ``ending``: ``released``, or ``revoked`` for good.
    ``release_revision``: the series' revision of the release, by which deltas and responders hear of it.
    """

    __tablename__ = "ca_certificate_hold"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    serial: Mapped[str] = mapped_column(String(40), index=True)
    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"))
    crl_shard: Mapped[int]
    held_at: Mapped[datetime]
    held_by: Mapped[str] = mapped_column(String(64))
    held_as: Mapped[str] = mapped_column(String(12))
    release_asked_at: Mapped[datetime | None]
    release_asked_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ending: Mapped[str | None] = mapped_column(String(8))
    release_revision: Mapped[int | None]

    __table_args__ = (
        Index(
            "uq_ca_certificate_hold_open",
            "serial",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_ca_certificate_hold_released", "authority_id", "crl_shard", "release_revision"),
    )


class CrlSeries(Base):
    """The lists of one authority and shard, one after the other. Its row is the lock of their order.

    ``shard`` may be :data:`ca.locations.FULL_LIST`, the list of all shards together. ``revision`` counts the
    revocations of a shard, ``last_number`` the CRL numbers given out, ``published_number`` the newest list that is
    public: 0 before the first.
    """

    __tablename__ = "ca_crl_series"

    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"), primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(default=0)
    last_number: Mapped[int] = mapped_column(default=0)
    published_number: Mapped[int] = mapped_column(default=0)


class RevocationList(Base):
    """A published list (CRL).

    ``revision`` is the series' revision that it covers, for a full list the sum of those of its shards. ``scheduled``
    tells a regular list from one that a revocation brought about: an expired certificate leaves after a regular one
    (RFC 5280 §3.3). ``expired_since``: who expired before it, and was not revoked since, is left out; null: nobody is.
    A delta has the number of the list that it was issued with (§5.2.4), and stands beside it.
    """

    __tablename__ = "ca_crl"

    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"), primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]
    scheduled: Mapped[bool]
    this_update: Mapped[datetime]
    next_update: Mapped[datetime] = mapped_column(index=True)
    entries: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    der: Mapped[bytes]
    expired_since: Mapped[datetime | None]
    delta_base: Mapped[int | None]
    delta_next_update: Mapped[datetime | None]
    delta_der: Mapped[bytes | None]


class OcspSigner(Base):
    """A key that answers OCSP for one authority. ``generation`` counts them; the row is its winner's claim.

    ``certificate_der`` is null between the claim and the signature; the next renewal finishes what a crash left.
    """

    __tablename__ = "ca_ocsp_signer"
    __table_args__ = (UniqueConstraint("authority_id", "generation"),)

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"), index=True)
    generation: Mapped[int]
    key_name: Mapped[str] = mapped_column(String(80))
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    certificate_der: Mapped[bytes | None]


class OcspPage(Base):
    """OCSP answers signed ahead, see :mod:`ca.revocation.ahead.page`: nothing that could not be made again.

    ``prefix``: the first two digits of the serial numbers. ``signer``: serial of the responder that signed all of
    them. ``read_at``: when the certificates were read that it is about. ``oldest``: thisUpdate of the oldest answer,
    null on an empty page. ``claimed_until``: until then a worker is at it.
    """

    __tablename__ = "ca_ocsp_page"

    authority_id: Mapped[str] = mapped_column(ForeignKey("ca_authority.id"), primary_key=True)
    prefix: Mapped[str] = mapped_column(String(2), primary_key=True)
    signer: Mapped[str] = mapped_column(String(40))
    read_at: Mapped[datetime]
    oldest: Mapped[datetime | None]
    answers: Mapped[int]
    claimed_until: Mapped[datetime | None]
    octets: Mapped[bytes]


class MassRevocation(Base):
    """A revocation of many certificates: whom it is to strike, who decided it, how far it has come.

    What the selection (``institution_ruc``, ``authority``, ``profile``, ``serials``: all that are given must fit)
    strikes are certificates issued until ``proposed_at``: what replaces them stays. ``state``: ``waiting`` for another
    person, ``running``, ``done``, ``refused``. ``cursor``: serials up to this one are dealt with.
    """

    __tablename__ = "ca_mass_revocation"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    institution_ruc: Mapped[str | None] = mapped_column(String(13))
    authority: Mapped[str | None] = mapped_column(String(40))
    profile: Mapped[str | None] = mapped_column(String(64))
    serials: Mapped[list[str]]
    reason: Mapped[str] = mapped_column(String(32))
    compromised_at: Mapped[datetime | None]
    proposed_by: Mapped[str] = mapped_column(String(64))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(10), index=True)
    total: Mapped[int]
    cursor: Mapped[str] = mapped_column(String(40), default="")
    revoked: Mapped[int] = mapped_column(default=0)
    passed_over: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]
