"""A provider's keys, fetched again once for a signature by one that is not known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joserfc.jwk import KeySet

from idp.broker.provider import Provider
from idp.clients.jwks import key_set
from idp.protocol.jose import JwtError
from idp.services import IdpServices


def verify_by_published_keys(
    services: IdpServices, provider: Provider, verify: Callable[[KeySet], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return what ``verify`` returns of the provider's keys; None if they cannot be had. Outside of any transaction.

    :raises JwtError: as ``verify`` does.
    """
    address = provider.discovered.endpoints.jwks
    for attempt in (1, 2):
        jwks = services.remote_keys.get(address)
        if jwks is None:
            return None
        try:
            return verify(key_set(jwks))
        except JwtError as error:
            # It may sign with a key that it has published since.
            if attempt == 2 or error.reason != "unknown_key" or not services.remote_keys.renew(address):
                raise
    raise AssertionError("unreachable")
