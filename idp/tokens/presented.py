"""A token that someone presents, found with all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client, find_client
from idp.clients.policy import TOKEN_EXCHANGE
from idp.protocol.token_exchange import actors_of
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken
from idp.tokens.family import (
    DeadFamilyError,
    TokenFamily,
    find_family,
    require_living_family,
    require_standing_certificate,
)
from idp.tokens.model import RefreshTokenRow
from kernel.errors import NotFound
from kernel.identifiers import sha256_hex


@dataclass(frozen=True)
class PresentedRefreshToken:
    """A refresh token of ours, alive or not."""

    family: TokenFamily
    expires_at: datetime
    issued_at: datetime
    used: bool


def find_refresh_token(session: Session, token: str) -> PresentedRefreshToken | None:
    """Return the refresh token, used and expired ones too, or nothing."""
    if "." in token:
        return None  # a JWT: none of ours has a dot
    row = session.get(RefreshTokenRow, sha256_hex(token), populate_existing=True)
    family = find_family(session, row.family_id) if row else None
    if row is None or family is None:
        return None
    return PresentedRefreshToken(family, row.expires_at, row.created_at, row.used_at is not None)


def require_living_access_token(
    session: Session, services: IdpServices, access: AccessToken, *, now: datetime
) -> TokenFamily | None:
    """Return the token's family after checking all that it rests on; None for a service's own token.

    A token that was handed on rests on the first application's authorization and on everyone who handed it on.

    :raises DeadFamilyError: with the reason.
    """
    issued_to = _active_client(session, access.client_id)
    require_standing_certificate(
        session,
        services.certificates,
        x5t_s256=access.confirmation.x5t_s256 if access.confirmation else None,
        now=now,
    )
    if access.family_id is None:
        _require_still_registered(access, issued_to)
        return None
    family = find_family(session, access.family_id)
    if family is None:
        raise DeadFamilyError("unknown_family")
    # A chain may come back to the application that began it: what tells it is `act`, not whose the token is.
    if "act" in access.claims or access.client_id != family.client_id:
        _require_living_chain(session, access, issued_to)
        issued_to = _active_client(session, family.client_id)
    require_living_family(session, family, certificates=services.certificates, client=issued_to, now=now)
    return family


def _require_living_chain(session: Session, access: AccessToken, holder: Client) -> None:
    actors = actors_of(access.claims.get("act"))
    if not actors or actors[0] != holder.client_id:
        raise DeadFamilyError("other_client")
    _require_still_registered(access, holder)
    for actor in actors:
        if TOKEN_EXCHANGE not in _active_client(session, actor).grant_types:
            raise DeadFamilyError("grant_removed")


def _require_still_registered(access: AccessToken, holder: Client) -> None:
    if access.audience not in holder.metadata.resources:
        raise DeadFamilyError("resource_removed")
    if not set(access.scopes) <= set(holder.scopes):
        raise DeadFamilyError("scope_removed")


def _active_client(session: Session, client_id: str) -> Client:
    try:
        client = find_client(session, client_id)
    except NotFound as error:
        raise DeadFamilyError("unknown_client") from error
    if not client.active:
        raise DeadFamilyError("client_disabled")
    return client
