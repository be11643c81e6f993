"""What an ID token leaves out, asked at the provider's UserInfo endpoint (OpenID Connect Core 1.0 §5.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idp.broker.provider import Provider
from idp.broker.unavailable import UpstreamUnavailableError
from idp.protocol.jose import JwtError
from idp.rights.groups.source import bounded
from idp.services import IdpServices
from outgoing.errors import OutgoingError

_MOST_OCTETS = 64 * 1024
_DEEPEST = 4


def with_userinfo(
    services: IdpServices, provider: Provider, claims: Mapping[str, Any], *, access_token: str | None
) -> Mapping[str, Any]:
    """Return the claims of the ID token, with those of UserInfo that we need and it lacks. Outside of any transaction.

    Nothing that an ID token says is replaced, and how strong a login was only the ID token says.

    :raises UpstreamUnavailableError: if it does not answer, or with anything but an object.
    :raises JwtError: (``wrong_userinfo_sub``) for another person's claims (§5.3.2, §5.3.4).
    """
    missing = [name for name in _needed(provider) if name not in claims]
    address = provider.discovered.endpoints.userinfo
    if not missing or not address or not access_token:
        return claims
    try:
        answer = services.outgoing.fetch(
            address,
            media_types=("application/json",),
            headers={"Authorization": f"Bearer {access_token}"},
            most_octets=_MOST_OCTETS,
        )
        told: Any = json.loads(answer.body)
    except OutgoingError as error:
        raise UpstreamUnavailableError(f"userinfo_{error.reason.value}") from error
    except (ValueError, RecursionError) as error:
        raise UpstreamUnavailableError("userinfo_not_json") from error
    if not isinstance(told, dict):
        raise UpstreamUnavailableError("userinfo_not_json")
    if told.get("sub") != claims["sub"]:
        raise JwtError("wrong_userinfo_sub")
    return {**{name: told[name] for name in missing if name in told}, **claims}


def groups_in(provider: Provider, claims: Mapping[str, Any]) -> list[str]:
    """Return the groups that the provider tells of; none where it tells of none.

    The claim is the member of exactly this name, or else the one that its dots lead to (``realm_access.roles``).
    """
    value: Any = claims.get(provider.groups_claim)
    if value is None:
        value = claims
        for name in provider.groups_claim.split(".")[:_DEEPEST]:
            value = value.get(name) if isinstance(value, Mapping) else None
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return bounded([each for each in values if isinstance(each, str)])


def _needed(provider: Provider) -> tuple[str, ...]:
    names = [provider.cedula_claim]
    if provider.groups_claim:
        inner = provider.groups_claim.partition(".")[0]
        names += [provider.groups_claim] if ":" in provider.groups_claim else [inner]
    if provider.creates_people:
        names += ["given_name", "family_name"]
    return tuple(name for name in names if name)
