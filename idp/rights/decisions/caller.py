"""Who asks: an application of ours, by an access token for this API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.clients.own_apis import DECISIONS
from idp.protocol.errors import BearerTokenError
from idp.protocol.sender import Sender
from idp.services import IdpServices
from idp.tokens.own_api import open_service_token

#: The resource identifier (RFC 8707) that an application registers in ``resources`` to ask here.
AUDIENCE = DECISIONS
SCOPE = "authzen"


def enter(session: Session, *, services: IdpServices, token: str, scheme: str, sender: Sender, now: datetime) -> Client:
    """Return the asking application.

    :raises BearerTokenError: ``invalid_token``, ``insufficient_scope``, ``invalid_dpop_proof``, ``use_dpop_nonce``.
    """
    client, scopes = open_service_token(
        session, services=services, token=token, scheme=scheme, sender=sender, audience=AUDIENCE, now=now
    )
    if SCOPE not in scopes:
        raise BearerTokenError("no_authzen_scope", code="insufficient_scope")
    return client
