"""Origins of applications: whose scripts may read what this service answers."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.clients.auth_method import AuthMethod
from idp.clients.model import ClientOriginRow, ClientRow
from idp.clients.registration.uris import origin_of

_LIMIT = 300


def note_origins(session: Session, *, client_id: str, redirect_uris: Iterable[str]) -> None:
    """Write down the origins of the client's redirect URIs in place of those before."""
    session.execute(delete(ClientOriginRow).where(ClientOriginRow.client_id == client_id))
    for origin in sorted({origin_of(uri) for uri in redirect_uris} - {""}):
        session.add(ClientOriginRow(origin=origin, client_id=client_id))
    session.flush()


def is_origin_of_public_client(session: Session, origin: str) -> bool:
    """Tell whether a redirect URI of an active public client stands at ``origin``."""
    if not 0 < len(origin) <= _LIMIT or not origin.isprintable():
        return False
    found = session.scalar(
        select(ClientOriginRow.client_id)
        .join(ClientRow, ClientRow.client_id == ClientOriginRow.client_id)
        .where(
            ClientOriginRow.origin == origin,
            ClientRow.status == "active",
            ClientRow.token_endpoint_auth_method == AuthMethod.NONE.value,
        )
        .limit(1)
    )
    return found is not None
