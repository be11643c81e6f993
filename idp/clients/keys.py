"""The public keys of an application, wherever it keeps them: registered (``jwks``) or published (``jwks_uri``)."""

from __future__ import annotations

from joserfc.jwk import KeySet

from idp.clients.client import Client
from idp.clients.jwks import key_set, keys_for
from idp.services import IdpServices

SIGNATURE, ENCRYPTION = "sig", "enc"


def client_keys(services: IdpServices, client: Client, *, use: str = SIGNATURE) -> KeySet:
    """Return the client's current public keys for ``use``, ``sig`` or ``enc``; none if its host does not answer.

    Inside a transaction nothing is fetched, so open it within ``services.remote_keys.retrying``.

    :raises KeysNotFetchedError: a transaction is open and the keys must be fetched first.
    """
    return keys_for(_all_keys(services, client), use)


def renewed_client_keys(services: IdpServices, client: Client, *, use: str = SIGNATURE) -> KeySet | None:
    """Return the client's keys fetched anew, for a signature that fits none of those known.

    :return: None if there is no newer copy: the keys are registered, or they were fetched a moment ago.
    :raises KeysNotFetchedError: as :func:`client_keys`.
    """
    address = client.metadata.jwks_uri
    if client.jwks is not None or address is None or not services.remote_keys.renew(address):
        return None
    return client_keys(services, client, use=use)


def _all_keys(services: IdpServices, client: Client) -> KeySet:
    jwks = client.jwks
    if jwks is None and client.metadata.jwks_uri is not None:
        jwks = services.remote_keys.get(client.metadata.jwks_uri)
    return key_set(jwks or {"keys": []})
