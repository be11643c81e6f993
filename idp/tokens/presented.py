"""A token that someone presents, found with all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import find_client
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken
from idp.tokens.confirmation import Confirmation
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
    row = session.get(RefreshTokenRow, sha256_hex(token), populate_existing=True)
    family = find_family(session, row.family_id) if row else None
    if row is None or family is None:
        return None
    return PresentedRefreshToken(family, row.expires_at, row.created_at, row.used_at is not None)


def require_living_access_token(
    session: Session, services: IdpServices, access: AccessToken, *, now: datetime
) -> TokenFamily | None:
    """Return the token's family after checking all that it rests on; None for a service's own token.

    :raises DeadFamilyError: with the reason.
    """
    try:
        issued_to = find_client(session, access.client_id)
    except NotFound as error:
        raise DeadFamilyError("unknown_client") from error
    if access.family_id is None:
        if not issued_to.active:
            raise DeadFamilyError("client_disabled")
        bound_to = Confirmation.from_cnf(access.claims.get("cnf"))
        require_standing_certificate(
            session, services.certificates, x5t_s256=bound_to.x5t_s256 if bound_to else None, now=now
        )
        return None
    family = find_family(session, access.family_id)
    if family is None:
        raise DeadFamilyError("unknown_family")
    require_living_family(session, family, certificates=services.certificates, client=issued_to, now=now)
    return family
