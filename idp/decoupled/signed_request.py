"""Signed backchannel authentication requests (CIBA Core §7.1.1): each is accepted once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.assertion_proof import use_jti_once
from idp.clients.client import Client
from idp.clients.keys import client_keys, renewed_client_keys
from idp.protocol.client_assertion import ALGORITHMS
from idp.protocol.client_jwt import verify_client_jwt
from idp.protocol.errors import TokenError
from idp.protocol.jose import JwtError, VerifiedJwt, text_claim, time_claim
from idp.protocol.parameters import Parameters
from idp.protocol.request_object import request_object_parameters
from idp.services import IdpServices
from kernel.clock import from_timestamp

# What proves the client stands outside the object, and nothing else (§7.1.1).
_OUTSIDE = frozenset({"request", "client_id", "client_secret", "client_assertion", "client_assertion_type"})


def request_parameters(
    session: Session, *, services: IdpServices, client: Client, form: Parameters, now: datetime
) -> Parameters:
    """Return the parameters of the request: those of its signed object, or of the form where signing is not agreed on.

    :raises TokenError: (``invalid_request``): an object is due and missing, or wrong, or was used before.
    :raises KeysNotFetchedError: see :mod:`idp.clients.remote_keys`.
    """
    token = form.get("request")
    if form.get("request_uri") is not None:
        raise TokenError("invalid_request", "request_uri is not served here.")
    if token is None:
        if client.policy.signed_requests or client.metadata.backchannel_authentication_request_signing_alg:
            raise TokenError("invalid_request", "The request of this client must be signed.")
        return form
    if set(form.values) - _OUTSIDE:
        raise TokenError("invalid_request", "All parameters belong into the signed request.")
    try:
        return _read(session, services, client, token, now=now)
    except JwtError as error:
        raise TokenError("invalid_request", f"The signed request is not valid: {error.reason}.") from error


def _read(session: Session, services: IdpServices, client: Client, token: str, *, now: datetime) -> Parameters:
    verified = _verified(services, client, token)
    claims = verified.claims
    parameters = request_object_parameters(
        verified, client_id=client.client_id, issuer=services.settings.issuer, strict=True, now=now
    )
    if text_claim(claims, "iss") != client.client_id:
        raise JwtError("bad_iss")
    time_claim(claims, "iat")
    expires_at = from_timestamp(time_claim(claims, "exp"))
    # Apart from the identifiers of assertions: a client may number both from one.
    jti = f"backchannel request {text_claim(claims, 'jti', limit=256)}"
    if not use_jti_once(session, client_id=client.client_id, jti=jti, expires_at=expires_at):
        raise JwtError("replayed")
    return parameters


def _verified(services: IdpServices, client: Client, token: str) -> VerifiedJwt:
    allowed = client.policy.signature_algorithms or ALGORITHMS
    registered = client.metadata.backchannel_authentication_request_signing_alg
    algorithms = [item for item in allowed if registered in (None, item)]
    try:
        return verify_client_jwt(token, keys=client_keys(services, client), algorithms=algorithms)
    except JwtError as error:
        renewed = renewed_client_keys(services, client) if error.reason in ("unknown_key", "bad_signature") else None
        if renewed is None:
            raise
        return verify_client_jwt(token, keys=renewed, algorithms=algorithms)
