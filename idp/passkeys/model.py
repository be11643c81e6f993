"""Tables of passkeys: the keys, whose they are towards authenticators, and challenges that wait for their answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class PasskeyRow(Base):
    """A passkey. ``public_key``: COSE; ``sign_count``: what its authenticator said last.

    ``flagged_at``: its counter went back, so there may be a copy of it: it opens nothing any more.
    """

    __tablename__ = "idp_passkey"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    credential_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    credential: Mapped[bytes]
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    aaguid: Mapped[str] = mapped_column(String(36))
    transports: Mapped[list[str]]
    backup_eligible: Mapped[bool] = mapped_column(Boolean)
    backed_up: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    flagged_at: Mapped[datetime | None]


class PasskeyHolderRow(Base):
    """Who a person is to authenticators: a random handle that says nothing (WebAuthn §14.6.1)."""

    __tablename__ = "idp_passkey_holder"

    person_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    handle: Mapped[str] = mapped_column(String(43), unique=True)


class PasskeyChallengeRow(Base):
    """A challenge that was given out; its answer deletes it. ``journey``: the login, reset or session it is for."""

    __tablename__ = "idp_passkey_challenge"

    challenge: Mapped[str] = mapped_column(String(43), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    journey: Mapped[str] = mapped_column(String(43), index=True)
    person_id: Mapped[str | None] = mapped_column(String(26), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
