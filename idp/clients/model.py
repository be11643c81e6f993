"""Tables of relying applications."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from kernel.database import Base


class ClientRow(Base):
    """A relying application, by the metadata names of OpenID Connect Dynamic Client Registration §2."""

    __tablename__ = "idp_client"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    institution_id: Mapped[str | None] = mapped_column(String(26), index=True)
    application_type: Mapped[str] = mapped_column(String(8))
    redirect_uris: Mapped[list[str]]
    post_logout_redirect_uris: Mapped[list[str]]
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(32))
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    id_token_signed_response_alg: Mapped[str] = mapped_column(String(8))
    grant_types: Mapped[list[str]]
    scopes: Mapped[list[str]]
    optional_scopes: Mapped[list[str]]
    minimum_acr: Mapped[str | None] = mapped_column(String(64))
    resource: Mapped[str | None] = mapped_column(String(255), unique=True)
    policy: Mapped[str] = mapped_column(String(32), server_default="web")
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    status: Mapped[str] = mapped_column(String(8), default="active")
    #: ``sandbox`` or ``production`` (:mod:`idp.clients.environment`).
    environment: Mapped[str] = mapped_column(String(10), default="production", server_default="production")
    # Of applications that registered themselves (RFC 7591, RFC 7592):
    registered_with: Mapped[str | None] = mapped_column(String(26))
    registration_token_sha256: Mapped[str | None] = mapped_column(String(64))
    certificate_request_id: Mapped[str | None] = mapped_column(String(26))
    # The ``scopes`` and ``resources`` that an administrator left it, if one changed them: its bounds from then on.
    decided: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ClientChangeRow(Base):
    """One change of an application: what it was before and what it was after, whole, so that it can be undone.

    :ivar kind: ``registered``, ``changed``, ``placed``, ``disabled``, ``enabled`` or ``deleted``.
    :ivar before: the members of its registration that differ, as they were; a member that was not there is left out.
    :ivar changed_by: a person, the application itself, or nobody (a command). :ivar approved_by: who let it happen.
    """

    __tablename__ = "idp_client_change"

    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(12))
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    undoes: Mapped[int | None]
    changed_by: Mapped[str | None] = mapped_column(String(64))
    approved_by: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime]


class ClientOriginRow(Base):
    """Where a client's redirect URIs stand, so that a script's origin is found by one look-up."""

    __tablename__ = "idp_client_origin"

    origin: Mapped[str] = mapped_column(String(300), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"), primary_key=True, index=True)


class ClientSecretRow(Base):
    """A client's secret, as its digest. Two may be valid side by side, so that a rotation needs no stop.

    Only ``client_secret_jwt`` has it sealed, too: whoever verifies a MAC needs the secret itself.
    """

    __tablename__ = "idp_client_secret"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"), index=True)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    sealed_secret: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class EventAuthorizationRow(Base):
    """What we show to an application's receiver of security events, sealed: it is sent, so a digest would not do."""

    __tablename__ = "idp_client_event_authorization"

    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"), primary_key=True)
    sealed: Mapped[bytes]
    set_at: Mapped[datetime]


class UsedAssertionRow(Base):
    """The ``jti`` of a client assertion that was accepted: it is accepted once (RFC 7523 §3)."""

    __tablename__ = "idp_client_assertion_used"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    jti_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class InitialAccessTokenRow(Base):
    """What an administrator gives to those who may register applications by themselves (RFC 7591 §3)."""

    __tablename__ = "idp_initial_access_token"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    institution_id: Mapped[str | None] = mapped_column(String(26), index=True)
    policy: Mapped[str] = mapped_column(String(32))
    scopes: Mapped[list[str]]
    resources: Mapped[list[str]]
    uses_left: Mapped[int]
    created_by: Mapped[str | None] = mapped_column(String(26))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
