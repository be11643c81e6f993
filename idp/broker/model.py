"""Tables of other providers, of sign-ins on their way to them, and of who is known there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class UpstreamProviderRow(Base):
    """A provider: see :class:`idp.broker.provider.Provider`. ``sealed_secret``: null where our own key proves us."""

    __tablename__ = "idp_upstream_provider"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    institution_id: Mapped[str] = mapped_column(String(26), index=True)
    issuer: Mapped[str] = mapped_column(String(300), unique=True)
    client_id: Mapped[str] = mapped_column(String(200))
    sealed_secret: Mapped[bytes | None]
    endpoints: Mapped[dict[str, Any]]
    algorithms: Mapped[list[str]]
    names_itself: Mapped[bool]
    scope: Mapped[str] = mapped_column(String(300))
    domains: Mapped[list[str]]
    cedula_claim: Mapped[str | None] = mapped_column(String(100))
    strengths: Mapped[dict[str, Any]]
    level: Mapped[int]
    creates_people: Mapped[bool]
    groups_claim: Mapped[str | None] = mapped_column(String(100))
    logs_out_there: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    active: Mapped[bool]
    created_at: Mapped[datetime]


class UpstreamRequestRow(Base):
    """A sign-in on its way to a provider, of one browser, for one login or for linking one account. Single use.

    One with neither interaction nor person is a logout on its way there and back: see ``idp.broker.logout_there``.
    """

    __tablename__ = "idp_upstream_request"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(26))
    interaction_id: Mapped[str | None] = mapped_column(String(26))
    person_id: Mapped[str | None] = mapped_column(String(26), index=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    state_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_values: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class UpstreamLinkRow(Base):
    """A person of ours who is ``upstream_subject`` at a provider."""

    __tablename__ = "idp_upstream_link"
    __table_args__ = (UniqueConstraint("provider_id", "upstream_subject"), UniqueConstraint("provider_id", "person_id"))

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(26))
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    upstream_subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[datetime]
    last_login_at: Mapped[datetime]


class UpstreamSessionRow(Base):
    """A browser session of ours that rests on one at a provider, so that its end there is its end here.

    ``sid``: of the session; while our own second step is due, the interaction's id. ``sealed_id_token``: what the
    provider wants to see where our logout is to be its own; kept for no other.
    """

    __tablename__ = "idp_upstream_session"

    sid: Mapped[str] = mapped_column(String(43), primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(26), index=True)
    person_id: Mapped[str] = mapped_column(String(26), index=True)
    upstream_sid: Mapped[str | None] = mapped_column(String(255))
    sealed_id_token: Mapped[bytes | None]
    created_at: Mapped[datetime]


class UpstreamHealthRow(Base):
    """How a provider was at the last look. ``failing_since``: since when its documents cannot be had."""

    __tablename__ = "idp_upstream_health"

    provider_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reason: Mapped[str | None] = mapped_column(String(64))
    failing_since: Mapped[datetime | None]
    milliseconds: Mapped[int]
    checked_at: Mapped[datetime]
