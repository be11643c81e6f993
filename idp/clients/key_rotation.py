"""A client's registered keys change one at a time, so that old and new are valid side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.clients.change import replace_registration
from idp.clients.client import Client, find_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.services import IdpServices
from kernel.errors import NotFound, Rejected


def add_client_key(
    session: Session, *, services: IdpServices, client_id: str, jwk: object, actor: str | None = None, now: datetime
) -> Client:
    """Register one more public key beside those there are.

    :param jwk: a JSON Web Key. :raises Rejected: ``bad_jwks``; ``keys_are_published`` (the client has a jwks_uri).
    :raises NotFound: ``unknown_client``.
    """
    keys = [*_keys(find_client(session, client_id)), jwk]
    return _with_keys(session, services, client_id, keys, actor=actor, now=now)


def remove_client_key(
    session: Session, *, services: IdpServices, client_id: str, kid: str, actor: str | None = None, now: datetime
) -> Client:
    """Take one key out: what it signs is refused from now on.

    :raises Rejected: ``bad_client_metadata`` if it is the last one and the client needs one; ``keys_are_published``.
    :raises NotFound: ``unknown_client``, ``unknown_key``.
    """
    keys = _keys(find_client(session, client_id))
    kept = [key for key in keys if key.get("kid") != kid]
    if len(kept) == len(keys):
        raise NotFound("The application has no key of this kid.", code="unknown_key")
    return _with_keys(session, services, client_id, kept, actor=actor, now=now)


def _keys(client: Client) -> list[dict[str, Any]]:
    if client.metadata.jwks_uri is not None:
        raise Rejected("The application publishes its keys itself, at its jwks_uri.", code="keys_are_published")
    return list((client.jwks or {"keys": []})["keys"])


def _with_keys(
    session: Session, services: IdpServices, client_id: str, keys: list[Any], *, actor: str | None, now: datetime
) -> Client:
    document = registration_document(find_client(session, client_id))
    registration = ClientRegistration.parse({**document, "jwks": {"keys": keys} if keys else None})
    return replace_registration(
        session, journal=services.journal, client_id=client_id, registration=registration, actor=actor, now=now
    )
