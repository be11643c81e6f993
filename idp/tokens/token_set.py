"""What a token request gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.rights.claims import rights_claims
from idp.services import IdpServices
from idp.tokens.access_token import ACCESS_TOKEN_LIFETIME, issue_access_token
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import TokenFamily
from idp.tokens.id_token import issue_id_token
from idp.tokens.model import RefreshTokenRow
from idp.tokens.session_name import sid_for
from idp.tokens.subject import subject_for
from idp.tokens.target import Target, userinfo_resource
from kernel.clock import to_timestamp
from kernel.identifiers import new_secret, sha256_hex
from kernel.late_rows import insert_later

_TABLE = cast(Table, RefreshTokenRow.__table__)
# A refresh token that nobody used for two weeks is forgotten.
REFRESH_IDLE_LIFETIME = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class TokenSet:
    """The tokens of one answer. Their texts do not print.

    :ivar issued_token_type: in the answer to a token exchange (RFC 8693 §2.2.1).
    :ivar simulated: the fault that was put in on purpose, for an application in a sandbox.
    :ivar id_claims: the claims of the ID token, for callers in this process; empty without one.
    """

    access_token: str = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]
    token_type: str = "Bearer"
    id_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    issued_token_type: str | None = None
    id_claims: dict[str, Any] = field(default_factory=dict)
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    simulated: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return the token response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3)."""
        document: dict[str, Any] = {
            "access_token": self.access_token,
            "token_type": self.token_type,
            "expires_in": self.expires_in,
        }
        if self.scopes:
            document["scope"] = " ".join(self.scopes)
        if self.authorization_details:
            document["authorization_details"] = list(self.authorization_details)  # RFC 9396 §7
        if self.id_token is not None:
            document["id_token"] = self.id_token
        if self.refresh_token is not None:
            document["refresh_token"] = self.refresh_token
        if self.issued_token_type is not None:
            document["issued_token_type"] = self.issued_token_type
        if self.simulated:
            document["sau_simulation"] = self.simulated
        return document


def issue_token_set(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family: TokenFamily,
    target: Target,
    confirmation: Confirmation | None = None,
    kept_refresh_token: str | None = None,
    nonce: str | None,
    txn: str,
    now: datetime,
) -> TokenSet:
    """Return access, ID and, for offline access, refresh token of a living family.

    :param target: what the access token is for.
    :param confirmation: the key that this request proved, where it may be another than the family's.
    :param kept_refresh_token: the one that stays good, for clients whose refresh tokens do not change.
    """
    bound = confirmation or family.confirmation
    access_token = issue_family_access_token(
        session, services, client=client, family=family, target=target, confirmation=bound, now=now
    )
    id_token, id_claims = issue_id_token(
        session,
        services,
        client=client,
        family=family,
        access_token=access_token,
        nonce=nonce,
        txn=txn,
        now=now,
    )
    return TokenSet(
        access_token=access_token,
        expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        scopes=target.scopes,
        authorization_details=target.authorization_details,
        token_type=bound.token_type if bound else "Bearer",
        id_token=id_token,
        refresh_token=_refresh_token(session, family, kept_refresh_token, now=now),
        id_claims=id_claims,
    )


def issue_family_access_token(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family: TokenFamily,
    target: Target,
    confirmation: Confirmation | None = None,
    now: datetime,
) -> str:
    """Return an access token of a living family.

    :param confirmation: the key that it is bound to, where it may be another than the family's.
    """
    return issue_access_token(
        session,
        services,
        subject=subject_for(services, client, family.person_id),
        client=client,
        audience=target.identifier,
        scopes=target.scopes,
        confirmation=confirmation or family.confirmation,
        access_token_format=target.access_token_format,
        access_token_alg=target.access_token_alg,
        extra={
            "auth_time": to_timestamp(family.authenticated_at),
            "acr": family.acr,
            "amr": list(family.amr),
            **({"sid": sid_for(services, client.client_id, family.sid)} if family.sid else {}),
            "family": family.id,
            **_rights(session, services, client, family, target, now=now),
            **({"authorization_details": list(target.authorization_details)} if target.authorization_details else {}),
        },
        now=now,
    )


def _rights(
    session: Session, services: IdpServices, client: Client, family: TokenFamily, target: Target, *, now: datetime
) -> dict[str, Any]:
    """Return the person's rights in the asking application (RFC 9068 §2.2.3.1): nothing of them for others' APIs."""
    if target.identifier not in (userinfo_resource(services.settings.issuer), client.resource):
        return {}
    return rights_claims(
        session,
        person_id=family.person_id,
        client_id=client.client_id,
        chosen=family.terms.institution,
        names=target.scopes,
        now=now,
    )


def _refresh_token(session: Session, family: TokenFamily, kept: str | None, *, now: datetime) -> str | None:
    if kept is not None or not family.offline:
        return kept
    token = new_secret()
    insert_later(
        session,
        _TABLE,
        {
            "token_sha256": sha256_hex(token),
            "family_id": family.id,
            "created_at": now,
            "expires_at": min(now + REFRESH_IDLE_LIFETIME, family.expires_at),
            "used_at": None,
            "used_by": None,
        },
    )
    return token
