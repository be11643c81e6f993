"""Table of requests that wait for a person on another device."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class DecoupledRequestRow(Base):
    """A device authorization (RFC 8628) or backchannel authentication (CIBA) request, until a day after its end.

    ``secret_sha256``: digest of the device code or ``auth_req_id``. ``user_code_hmac``: keyed digest of what a person
    types, until he decides. ``person_id``: who is asked (CIBA), or who decided (device); none for a hint that fits
    nobody. ``muted``: nobody is shown it. ``notification``: what a ping needs, sealed. ``next_poll_at_ms``:
    milliseconds since 1970 before which a poll comes too early; ``early``: whether the last one did.
    ``session_x5t_s256``: the certificate that the session of the decision rested on. ``told_at``: when the client
    first heard of an end without tokens.
    """

    __tablename__ = "idp_decoupled_request"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    grant_type: Mapped[str] = mapped_column(String(64))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_code_hmac: Mapped[str | None] = mapped_column(String(64), unique=True)
    client_id: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[str | None] = mapped_column(String(26), index=True)
    muted: Mapped[bool] = mapped_column(default=False)
    scopes: Mapped[list[str]]
    terms: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    required_acr: Mapped[str | None] = mapped_column(String(64))
    binding_message: Mapped[str | None] = mapped_column(String(64))
    asked_network: Mapped[str] = mapped_column(String(64))
    asked_device: Mapped[str] = mapped_column(String(80))
    notification: Mapped[bytes | None]
    poll_interval: Mapped[int]
    next_poll_at_ms: Mapped[int] = mapped_column(BigInteger)
    early: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    decision: Mapped[str | None] = mapped_column(String(8))
    decided_at: Mapped[datetime | None]
    granted: Mapped[list[str] | None]
    authenticated_at: Mapped[datetime | None]
    acr: Mapped[str | None] = mapped_column(String(64))
    amr: Mapped[list[str] | None]
    session_x5t_s256: Mapped[str | None] = mapped_column(String(43))
    redeemed_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
