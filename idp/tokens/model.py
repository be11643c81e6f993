"""Tables of keys and tokens. No token stands in them: only digests and identifiers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class SigningKeyRow(Base):
    """A key that signs tokens; the key itself is in the key store under ``kid``.

    ``state``: ``next`` (published, not yet used), ``active``, ``retired`` (published while what it signed may live),
    ``revoked`` (lost or stolen: not published, and what it signed is refused).
    """

    __tablename__ = "idp_signing_key"
    __table_args__ = (
        # One active key an algorithm, whatever two processes think.
        Index(
            "ux_idp_signing_key_active",
            "algorithm",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    kid: Mapped[str] = mapped_column(String(80), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8), index=True)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class EncryptionKeyRow(Base):
    """A key pair to which others encrypt; the key itself is in the key store under ``kid``.

    ``state``: ``active`` (published), ``retired`` (not published, still opens what was encrypted to it).
    """

    __tablename__ = "idp_encryption_key"
    __table_args__ = (
        Index(
            "ux_idp_encryption_key_active",
            "kind",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    kid: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class TokenFamilyRow(Base):
    """All tokens that come from one authorization: revoked together (RFC 9700 §4.14.2).

    ``offline``: it outlives the browser session ``sid``; otherwise it ends with it. ``code_sha256``: digest of what
    was redeemed for it (authorization code, device code, CIBA request), so that a second use finds it. ``x5t_s256``:
    the certificate that ``confirmation`` names, to be found by; ``session_x5t_s256``: that with which the person
    had logged in.
    """

    __tablename__ = "idp_token_family"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    code_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    grant_type: Mapped[str] = mapped_column(String(64), server_default="authorization_code")
    client_id: Mapped[str] = mapped_column(String(64), index=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    sid: Mapped[str | None] = mapped_column(String(43), index=True)
    scopes: Mapped[list[str]]
    authenticated_at: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(64))
    amr: Mapped[list[str]]
    offline: Mapped[bool]
    terms: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    confirmation: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    x5t_s256: Mapped[str | None] = mapped_column(String(43))
    session_x5t_s256: Mapped[str | None] = mapped_column(String(43))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(32))


class RefreshTokenRow(Base):
    """A refresh token, as its digest: of single use, unless the client's policy keeps one.

    ``used_by``: thumbprint of the key that its use proved, by which a retry is told from a second use.
    """

    __tablename__ = "idp_refresh_token"
    # Each is changed once, soon, in a column that no index has: room beside it spares the indexes that change.
    __table_args__ = {"postgresql_with": {"fillfactor": 60}}

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("idp_token_family.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(String(43))


class UsedProofRow(Base):
    """A DPoP proof that was accepted, as the digest of its key and ``jti``: it is accepted once (RFC 9449 §11.1)."""

    __tablename__ = "idp_dpop_proof_used"

    proof_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OpaqueTokenRow(Base):
    """An opaque access token, as its digest, with the claims that a JWT would carry."""

    __tablename__ = "idp_opaque_access_token"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    claims: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RevokedAccessTokenRow(Base):
    """An access token that was revoked alone, until it would have expired."""

    __tablename__ = "idp_revoked_access_token"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


# Few rest on a certificate: the others cost these indexes nothing.
for _column in (TokenFamilyRow.x5t_s256, TokenFamilyRow.session_x5t_s256):
    Index(
        f"ix_idp_token_family_{_column.key}",
        _column,
        postgresql_where=_column.is_not(None),
        sqlite_where=_column.is_not(None),
    )
