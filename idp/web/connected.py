"""Applications by the names that people know."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.clients.client import find_client
from kernel.errors import NotFound


def name_of_client(session: Session, client_id: str | None) -> str:
    """Return the application's name; its id where it is gone."""
    if client_id is None:
        return ""
    try:
        return find_client(session, client_id).name
    except NotFound:
        return client_id
