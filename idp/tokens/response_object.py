"""Authorization responses as one JWT, so that nobody on the way can change or exchange them (JARM §2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.services import IdpServices
from idp.tokens.protection import authorization_protection, protect
from kernel.clock import to_timestamp

# JARM §2.1 recommends ten minutes at most; a browser needs seconds.
RESPONSE_LIFETIME = timedelta(minutes=5)
TYPE = "JWT"


def sign_response(
    session: Session, services: IdpServices, *, client: Client, parameters: Mapping[str, str], now: datetime
) -> str:
    """Return the answer's ``parameters`` as a JWT for ``client``, encrypted if it registered so (JARM §2.1, §2.2).

    :param parameters: with ``iss``, which becomes the claim.
    :raises TokenError: as :func:`idp.tokens.protection.protect`.
    """
    claims = {
        **parameters,
        "iss": services.settings.issuer,
        "aud": client.client_id,
        "exp": to_timestamp(now + RESPONSE_LIFETIME),
    }
    return protect(
        session,
        services,
        client=client,
        claims=claims,
        typ=TYPE,
        protection=authorization_protection(client),
        now=now,
    )
