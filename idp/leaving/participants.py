"""Which applications took part in a browser session: each that got tokens in it, used up or not."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import Client, client_value
from idp.clients.model import ClientRow
from idp.tokens.model import TokenFamilyRow


def participants(session: Session, *, sid: str) -> list[Client]:
    """Return the active applications that logged the person in during the session, by name.

    Token families tell it: each login makes one, and it is kept long after the longest session.
    """
    of_session = select(TokenFamilyRow.client_id).where(TokenFamilyRow.sid == sid)
    rows = session.scalars(
        select(ClientRow)
        .where(ClientRow.client_id.in_(of_session), ClientRow.status == "active")
        .order_by(ClientRow.name, ClientRow.client_id)
    )
    return [client_value(row) for row in rows]
