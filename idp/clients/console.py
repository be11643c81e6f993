"""The console as a client of its own provider."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.clients.register import register_console_client
from idp.services import IdpServices

CONSOLE_CLIENT_ID = "sau-console"


def ensure_console_client(session: Session, services: IdpServices, redirect_uri: str, *, now: datetime) -> Client:
    """Return the console's client, registered if it was not; its one redirect URI becomes ``redirect_uri``.

    It authenticates at no endpoint: its codes are redeemed inside this process alone.
    """
    return register_console_client(
        session, journal=services.journal, client_id=CONSOLE_CLIENT_ID, redirect_uri=redirect_uri, now=now
    )
