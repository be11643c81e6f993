"""Introspection answers as JWTs, for APIs that must be able to show later what they were told (RFC 9701)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.services import IdpServices
from idp.tokens.protection import introspection_protection, protect
from kernel.clock import to_timestamp

TYPE = "token-introspection+jwt"
MEDIA_TYPE = f"application/{TYPE}"


def introspection_jwt(
    session: Session, services: IdpServices, *, client: Client, response: Mapping[str, Any], now: datetime
) -> str:
    """Return the introspection ``response`` as a JWT for the ``client`` that asked (§5).

    What is said of the token stands in a member of its own, so that nobody takes the answer for a token: it has no
    ``sub`` and no ``exp``, and a type that no other JWT has (§8.1).

    :raises TokenError: if it is to be encrypted and the client has no key for that; on record.
    """
    claims = {
        "iss": services.settings.issuer,
        "aud": client.client_id,
        "iat": to_timestamp(now),
        "token_introspection": dict(response),
    }
    protection = introspection_protection(client)
    return protect(session, services, client=client, claims=claims, typ=TYPE, protection=protection, now=now)
