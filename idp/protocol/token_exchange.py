"""Token exchange: a service that was called for a person calls the next one for him (RFC 8693)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.protocol.errors import TokenError
from idp.protocol.parameters import Parameters

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # nosec B105 - a name
# §4.1: each service that hands on is named in the token. A chain that is longer than this is a loop or a mistake.
CHAIN_LIMIT = 4


@dataclass(frozen=True, kw_only=True)
class ExchangeRequest:
    """A token request of this grant, its form checked.

    :ivar targets: `resource` and `audience` as they came; here both name an API by its identifier.
    """

    subject_token: str = field(repr=False)
    actor_token: str | None = field(repr=False)
    targets: tuple[str, ...]
    scope: str | None


def read_exchange_request(form: Parameters) -> ExchangeRequest:
    """Return the request (§2.1).

    :raises TokenError: ``invalid_request``: a token or its type is missing, or a type is not served. Access tokens are:
        an ID token says who logged in, not what may be done for him.
    """
    subject_token, actor_token = form.get("subject_token"), form.get("actor_token")
    if subject_token is None:
        raise TokenError("invalid_request", "The subject_token is missing.")
    if (actor_token is None) != (form.get("actor_token_type") is None):
        raise TokenError("invalid_request", "actor_token and actor_token_type go together.")
    for name, needed in (("subject_token_type", True), ("actor_token_type", False), ("requested_token_type", False)):
        given = form.get(name)
        if given != ACCESS_TOKEN and (needed or given is not None):
            raise TokenError("invalid_request", f"The {name} must be {ACCESS_TOKEN}.")
    return ExchangeRequest(
        subject_token=subject_token,
        actor_token=actor_token,
        targets=tuple(dict.fromkeys((*form.all("resource"), *form.all("audience")))),
        scope=form.get("scope"),
    )


def extended_chain(act: Mapping[str, Any] | None, *, actor: str) -> dict[str, Any]:
    """Return the ``act`` claim of a token by which ``actor`` acts, after those who acted before (§4.1).

    :param act: that of the subject token.
    :raises TokenError: ``invalid_request``: the chain is too long.
    """
    if len(actors_of(act)) >= CHAIN_LIMIT:
        raise TokenError("invalid_request", "The token was handed on too often.")
    return {"sub": actor, **({"act": dict(act)} if act else {})}


def actors_of(act: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return who acts, the current one first (§4.1)."""
    actors = []
    while isinstance(act, Mapping):
        actors.append(str(act.get("sub", "")))
        act = act.get("act")
    return tuple(actors)
