"""Signed request objects: the parameters of an authorization request as claims (RFC 9101, OpenID Connect Core §6)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from idp.protocol.client_assertion import CLOCK_TOLERANCE
from idp.protocol.jose import JwtError, VerifiedJwt, time_claim
from idp.protocol.parameters import REPEATABLE, Parameters, ParametersError, read_parameters
from kernel.clock import from_timestamp

# RFC 9101 §10.8; without a type, or with the general one, as clients of OpenID Connect Core send it.
TYPES = frozenset({None, "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"})
# FAPI 2.0 Message Signing §5.3.1: `nbf` at most an hour ago, `exp` at most an hour after it. So for everybody.
LIFETIME_LIMIT = timedelta(minutes=60)

_ABOUT_THE_OBJECT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


def request_object_parameters(
    verified: VerifiedJwt, *, client_id: str, issuer: str, strict: bool, now: datetime
) -> Parameters:
    """Return the parameters of a request object whose signature fits the client's key.

    :param strict: whether ``aud``, ``exp`` and ``nbf`` must be there, as FAPI 2.0 Message Signing §5.3.1 has it.
    :raises JwtError: with the reason.
    """
    kind, claims = verified.header.get("typ"), verified.claims
    if (kind.lower() if isinstance(kind, str) else kind) not in TYPES:
        raise JwtError("wrong_type")
    _require_sender(claims, client_id)
    _require_audience(claims, issuer, strict=strict)
    _require_time(claims, strict=strict, now=now)
    try:
        parameters = read_parameters(_pairs(claims))
    except ParametersError as error:
        raise JwtError("bad_parameters") from error
    if "request" in claims or "request_uri" in claims:
        raise JwtError("nested")  # RFC 9101 §4
    return parameters


def _require_sender(claims: Mapping[str, Any], client_id: str) -> None:
    # RFC 9101 §5: both must be the client, if they are there; OpenID Connect Core §6.1 lets them be absent.
    for name in ("iss", "client_id"):
        if claims.get(name, client_id) != client_id:
            raise JwtError(f"bad_{name}")
    if claims.get("sub") == client_id:
        # RFC 9101 §10.8: a client assertion is no request.
        raise JwtError("bad_sub")


def _require_audience(claims: Mapping[str, Any], issuer: str, *, strict: bool) -> None:
    audience = claims.get("aud", None if strict else issuer)
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise JwtError("bad_aud")


def _require_time(claims: Mapping[str, Any], *, strict: bool, now: datetime) -> None:
    times = {name: from_timestamp(time_claim(claims, name)) for name in ("exp", "nbf", "iat") if name in claims}
    if strict and not {"exp", "nbf"} <= set(times):
        raise JwtError("no_exp" if "exp" not in times else "no_nbf")
    if times.get("exp", now + LIFETIME_LIMIT) <= now:
        raise JwtError("expired")
    if times.get("exp", now) > max(times.get("nbf", now), now) + LIFETIME_LIMIT + CLOCK_TOLERANCE:
        raise JwtError("lives_too_long")
    if "nbf" in times and times["nbf"] < now - LIFETIME_LIMIT:
        raise JwtError("lives_too_long")
    for name in ("nbf", "iat"):
        if times.get(name, now) > now + CLOCK_TOLERANCE:
            raise JwtError(f"{name}_in_the_future")


def _pairs(claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in claims.items():
        if name in _ABOUT_THE_OBJECT or value is None:
            continue
        if name in REPEATABLE and isinstance(value, list):
            yield from ((name, _text(item)) for item in value)
        else:
            yield name, _text(value)


def _text(value: object) -> str:
    """Return a claim as the parameter that it stands for: numbers in digits, JSON as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | dict | list):
        raise JwtError("bad_parameters")
    try:
        return json.dumps(value)
    except RecursionError as error:
        raise JwtError("bad_parameters") from error
