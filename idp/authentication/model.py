"""Tables of authentication: interactions, browser sessions, factors, throttles, known devices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class InteractionRow(Base):
    """A login under way. ``person_id``, ``password_verified_at``: the password step is done, the code is still due.

    ``refused_with``: it ended without giving anything, with this error for the application.
    """

    __tablename__ = "idp_interaction"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    resume_path: Mapped[str] = mapped_column(String(200))
    parameters: Mapped[dict[str, Any]]
    client_id: Mapped[str | None] = mapped_column(String(64))
    client_name: Mapped[str | None] = mapped_column(String(200))
    client_institution: Mapped[str | None] = mapped_column(String(200))
    client_origin: Mapped[str | None] = mapped_column(String(300))
    required_acr: Mapped[str | None] = mapped_column(String(64))
    authenticated_after: Mapped[datetime | None]
    login_hint: Mapped[str | None] = mapped_column(String(254))
    locale: Mapped[str | None] = mapped_column(String(8))
    person_id: Mapped[str | None] = mapped_column(String(26))
    password_verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]
    refused_with: Mapped[str | None] = mapped_column(String(32))


class BrowserSessionRow(Base):
    """A person logged in with one browser. Ended rows stay until cleaning, so that a late request learns why.

    ``x5t_s256``: the certificate that was logged in with, at any time since it began: it all rests on that.
    """

    __tablename__ = "idp_browser_session"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    sid: Mapped[str] = mapped_column(String(43), unique=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    authenticated_at: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(64))
    amr: Mapped[list[str]]
    x5t_s256: Mapped[str | None] = mapped_column(String(43), index=True)
    institution_id: Mapped[str | None] = mapped_column(String(26))  # with which the person chose to go in
    device: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    idle_seconds: Mapped[int] = mapped_column(default=1800, server_default="1800")
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))


class CertificateTicketRow(Base):
    """A login that goes on at the mutual-TLS host, and comes back: see ``idp.authentication.certificate_login``.

    ``confirmed_at``: the holder of the certificate said yes; ``result_sha256`` is then what the main host waits for.
    """

    __tablename__ = "idp_certificate_ticket"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    interaction_id: Mapped[str] = mapped_column(String(26))
    ticket_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    result_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    person_id: Mapped[str | None] = mapped_column(String(26))
    x5t_s256: Mapped[str | None] = mapped_column(String(43))
    serial: Mapped[str | None] = mapped_column(String(40))
    #: When the certificate ends.
    not_after: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    confirmed_at: Mapped[datetime | None]
    redeemed_at: Mapped[datetime | None]


class SuspendedCertificateRow(Base):
    """A certificate that its holder has put aside: see ``idp.authentication.certificate_suspension``."""

    __tablename__ = "idp_suspended_certificate"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    since: Mapped[datetime]


class TotpRow(Base):
    """A TOTP key (RFC 6238), sealed. ``last_step``: the latest time step that was accepted; each counts once.

    ``sid``: the browser session that a key was shown to, until it is confirmed; no other session sees it.
    """

    __tablename__ = "idp_totp"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    sid: Mapped[str | None] = mapped_column(String(43))
    sealed_key: Mapped[bytes]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)


class RecoveryCodeRow(Base):
    """A recovery code, as a keyed digest, usable once."""

    __tablename__ = "idp_recovery_code"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    code_hmac: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoverySheetRow(Base):
    """Fresh recovery codes, sealed, while their owner reads them: deleted when he has them, or after some minutes."""

    __tablename__ = "idp_recovery_sheet"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    sealed_codes: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ThrottleRow(Base):
    """Tries within a window. ``key``: what is counted, for whom; names and addresses in it are keyed digests."""

    __tablename__ = "idp_throttle"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    tries: Mapped[int]
    window_ends_at: Mapped[datetime] = mapped_column(index=True)


class KnownDeviceRow(Base):
    """A browser from which a person logged in before, known by a long-lived cookie."""

    __tablename__ = "idp_known_device"
    __table_args__ = (UniqueConstraint("secret_sha256", "person_id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(index=True)
    device: Mapped[str] = mapped_column(String(80), default="", server_default="")


class LoginPlaceRow(Base):
    """Where a person logged in from last: the network as a keyed digest, and a point if it is known."""

    __tablename__ = "idp_login_place"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    network_hmac: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(80))
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    occurred_at: Mapped[datetime]
