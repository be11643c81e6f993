"""An ID token of another provider: what of it is believed (OpenID Connect Core 1.0 §3.1.3.7, §3.1.3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from joserfc.jwk import KeySet

from idp.broker.provider import Provider
from idp.protocol.client_jwt import verify_client_jwt
from idp.protocol.jose import JwtError, text_claim, time_claim
from idp.protocol.token_hash import left_half_hash
from kernel.clock import to_timestamp

SKEW = timedelta(seconds=60)
OLDEST = timedelta(minutes=10)
#: Until when a token that was taken could be taken once more.
LONGEST_USE = OLDEST + 2 * SKEW
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def verify_upstream_id_token(
    token: str, *, keys: KeySet, provider: Provider, nonce: str, access_token: str | None, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of the ID token that answers our request.

    :param nonce: of that request. :param access_token: what came beside it, for ``at_hash``.
    :raises JwtError: whatever is wrong; its ``reason`` says what.
    """
    verified = verify_client_jwt(token, keys=keys, algorithms=provider.discovered.algorithms)
    claims = verified.claims
    _require_from(provider, claims)
    _require_time(claims, now=now)
    if not compare_digest(text_claim(claims, "nonce").encode(), nonce.encode()):
        raise JwtError("wrong_nonce")
    text_claim(claims, "sub", limit=255)
    if "at_hash" in claims:
        wanted = left_half_hash(access_token or "", algorithm=str(verified.header["alg"]))
        if not compare_digest(str(claims["at_hash"]).encode(), wanted.encode()):
            raise JwtError("wrong_at_hash")
    return claims


def verify_upstream_logout_token(token: str, *, keys: KeySet, provider: Provider, now: datetime) -> Mapping[str, Any]:
    """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6).

    Whether its ``jti`` was used before is for the caller to ask. :raises JwtError: if wrong.
    """
    claims = verify_client_jwt(token, keys=keys, algorithms=provider.discovered.algorithms).claims
    _require_from(provider, claims)
    _require_time(claims, now=now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise JwtError("no_logout_event")
    if "nonce" in claims:  # an ID token must never pass for one
        raise JwtError("nonce_in_logout_token")
    text_claim(claims, "jti", limit=255)
    if not any(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "sid")):
        raise JwtError("nobody_named")
    return claims


def _require_from(provider: Provider, claims: Mapping[str, Any]) -> None:
    if claims.get("iss") != provider.discovered.issuer:
        raise JwtError("wrong_iss")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if provider.client_id not in audiences:
        raise JwtError("wrong_aud")
    # §3.1.3.7 (3) to (5): nobody beside us, or then named as the one that it was given to.
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise JwtError("wrong_azp")


def _require_time(claims: Mapping[str, Any], *, now: datetime) -> None:
    if time_claim(claims, "exp") <= to_timestamp(now - SKEW):
        raise JwtError("expired")
    issued = time_claim(claims, "iat")
    if not to_timestamp(now - OLDEST) <= issued <= to_timestamp(now + SKEW):
        raise JwtError("wrong_iat")
    if "nbf" in claims and time_claim(claims, "nbf") > to_timestamp(now + SKEW):
        raise JwtError("not_yet")
