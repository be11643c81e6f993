"""Authorization responses as one signed JWT, so that nobody on the way can change or exchange them (JARM §2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.services import IdpServices
from idp.tokens.jws import sign_jwt
from kernel.clock import to_timestamp

# JARM §2.1 recommends ten minutes at most; a browser needs seconds.
RESPONSE_LIFETIME = timedelta(minutes=5)
TYPE = "JWT"


def response_algorithm(client: Client) -> str:
    """Return what the client's answers are signed with: as registered, else as its ID tokens are."""
    return client.metadata.authorization_signed_response_alg or client.id_token_alg


def sign_response(
    session: Session, services: IdpServices, *, client: Client, parameters: Mapping[str, str], now: datetime
) -> str:
    """Return the answer's ``parameters`` as a JWT for ``client`` (JARM §2.1, §2.2).

    :param parameters: with ``iss``, which becomes the claim.
    """
    claims = {
        **parameters,
        "iss": services.settings.issuer,
        "aud": client.client_id,
        "exp": to_timestamp(now + RESPONSE_LIFETIME),
    }
    return sign_jwt(claims, signer=services.token_keys.active_signer(session, response_algorithm(client)), typ=TYPE)
