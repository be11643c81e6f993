"""A client signs a statement that it is itself (RFC 7523 §3, OpenID Connect Core §9).

``private_key_jwt`` signs with a key whose public half we know, ``client_secret_jwt`` with the secret that both know.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc.jwk import KeySet

from idp.protocol.client_jwt import verify_client_jwt
from idp.protocol.jose import JwtError, text_claim, time_claim
from kernel.clock import from_timestamp

# Ed25519 is EdDSA's name of its own for this curve (RFC 9864): the same signature, told by the header as it comes.
ALGORITHMS = ("ES256", "RS256", "PS256", "ES384", "EdDSA", "Ed25519")
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
# Client libraries in use sign for an hour unless told otherwise. A `jti` works once, however long it lives.
LIFETIME_LIMIT = timedelta(hours=1)
# A clock may be a little ahead of ours: half a minute is accepted, a whole one is not.
CLOCK_TOLERANCE = timedelta(seconds=30)


@dataclass(frozen=True)
class ClientAssertion:
    """A valid assertion. ``jti`` may be used once until ``expires_at``."""

    jti: str
    expires_at: datetime


def verify_client_assertion(
    assertion: str,
    *,
    keys: KeySet,
    algorithms: Collection[str],
    client_id: str,
    expected_audiences: Collection[str],
    one_text: bool = False,
    now: datetime,
) -> ClientAssertion:
    """Verify a client's assertion and return what makes it single use.

    :param algorithms: those that this client may sign with.
    :param expected_audiences: the issuer, and the address of the endpoint it is sent to.
    :param one_text: whether ``aud`` must be a text, not a list with one (FAPI 2.0 §5.3.2.1).
    :raises JwtError: with the reason; ``unknown_key`` and ``bad_signature`` may be a key that changed.
    """
    claims = verify_client_jwt(assertion, keys=keys, algorithms=algorithms).claims
    if text_claim(claims, "iss") != client_id or text_claim(claims, "sub") != client_id:
        raise JwtError("bad_sub")
    _require_audience(claims.get("aud"), expected_audiences, one_text=one_text)
    jti = text_claim(claims, "jti", limit=256)
    expires_at = from_timestamp(time_claim(claims, "exp"))
    if expires_at <= now:
        raise JwtError("expired")
    if expires_at > now + LIFETIME_LIMIT + CLOCK_TOLERANCE:
        raise JwtError("lives_too_long")
    for name in ("iat", "nbf"):
        if name in claims and from_timestamp(time_claim(claims, name)) > now + CLOCK_TOLERANCE:
            raise JwtError(f"{name}_in_the_future")
    return ClientAssertion(jti=jti, expires_at=expires_at)


def _require_audience(audience: object, expected: Collection[str], *, one_text: bool) -> None:
    # One audience only: an assertion that is good elsewhere too could be replayed from there.
    if isinstance(audience, list) and len(audience) == 1 and not one_text:
        (audience,) = audience
    if not isinstance(audience, str) or audience not in expected:
        raise JwtError("bad_aud")
