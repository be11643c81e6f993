"""Tables of authorization codes and pushed requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class AuthorizationCodeRow(Base):
    """An authorization code, as its digest, with all that it is bound to. Used ones stay until cleaning.

    ``interaction_id``: the decision that it came from; null where none was needed.
    """

    __tablename__ = "idp_authorization_code"
    # Each is changed once, soon, in a column that no index has: room beside it spares the indexes that change.
    __table_args__ = {"postgresql_with": {"fillfactor": 60}}

    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    interaction_id: Mapped[str | None] = mapped_column(String(26), index=True)
    client_id: Mapped[str] = mapped_column(String(64))
    redirect_uri: Mapped[str] = mapped_column(String(1000))
    challenge: Mapped[str | None] = mapped_column(String(43))
    nonce: Mapped[str | None] = mapped_column(String(500))
    person_id: Mapped[str] = mapped_column(String(26))
    sid: Mapped[str] = mapped_column(String(43))
    authenticated_at: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(64))
    amr: Mapped[list[str]]
    scopes: Mapped[list[str]]
    terms: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    jkt: Mapped[str | None] = mapped_column(String(43))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    redeemed_at: Mapped[datetime | None]


class PushedRequestRow(Base):
    """A pushed authorization request (RFC 9126), under the digest of the secret in its ``request_uri``.

    ``jkt``: the key that it proved, or named. ``used_by``: the interaction that it was answered in, or a new name.
    """

    __tablename__ = "idp_pushed_request"

    secret_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]]
    signed: Mapped[bool]
    jkt: Mapped[str | None] = mapped_column(String(43))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(String(43))
