"""Answers as signed and encrypted JWTs, as each application registered (OpenID Connect Core §10.2, RFC 7519 §5.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.clients.keys import ENCRYPTION, client_keys
from idp.protocol.algorithms import CONTENT_ENCRYPTION_ALGORITHMS
from idp.protocol.errors import TokenError
from idp.protocol.jwe import encrypt_to
from idp.services import IdpServices
from idp.tokens.jws import sign_jwt

DEFAULT_CONTENT_ENCRYPTION = CONTENT_ENCRYPTION_ALGORITHMS[0]


@dataclass(frozen=True)
class Protection:
    """How one kind of answer is protected.

    :ivar signed_by: ``alg`` of the signature; None: not signed.
    :ivar encrypted_by: ``alg`` by which the content key reaches the application; None: not encrypted.
    :ivar content_by: ``enc``, what encrypts the content; None: the default.
    """

    signed_by: str | None
    encrypted_by: str | None = None
    content_by: str | None = None


def id_token_protection(client: Client) -> Protection:
    """Return how the client wants its ID tokens: always signed."""
    known = client.metadata
    return Protection(client.id_token_alg, known.id_token_encrypted_response_alg, known.id_token_encrypted_response_enc)


def userinfo_protection(client: Client) -> Protection | None:
    """Return how the client wants its UserInfo answers, or None for plain JSON (OpenID Connect Core §5.3.2)."""
    known = client.metadata
    if not (known.userinfo_signed_response_alg or known.userinfo_encrypted_response_alg):
        return None
    return Protection(
        known.userinfo_signed_response_alg,
        known.userinfo_encrypted_response_alg,
        known.userinfo_encrypted_response_enc,
    )


def introspection_protection(client: Client) -> Protection:
    """Return how an API wants introspection answers when it asks for JWTs: always signed (RFC 9701 §5)."""
    known = client.metadata
    # §6: RS256 where nothing was registered, unless the client's policy knows no RS256.
    default = client.id_token_alg if client.policy.signature_algorithms else "RS256"
    return Protection(
        known.introspection_signed_response_alg or default,
        known.introspection_encrypted_response_alg,
        known.introspection_encrypted_response_enc,
    )


def authorization_protection(client: Client) -> Protection:
    """Return how the client wants authorization responses that are JWTs: always signed (JARM §2.2)."""
    known = client.metadata
    return Protection(
        known.authorization_signed_response_alg or client.id_token_alg,
        known.authorization_encrypted_response_alg,
        known.authorization_encrypted_response_enc,
    )


def protect(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    claims: Mapping[str, Any],
    typ: str,
    protection: Protection,
    now: datetime,
) -> str:
    """Return ``claims`` for ``client``: signed, and then encrypted where it registered so.

    :param typ: of the signed JWT.
    :raises TokenError: (``invalid_request``) if the client has published no key that the encryption could be for; on
        record. It gets nothing in clear instead.
    """
    content: str | None = None
    if protection.signed_by is not None:
        signer = services.token_keys.active_signer(session, protection.signed_by)
        content = sign_jwt(claims, signer=signer, typ=typ)
    if protection.encrypted_by is None:
        assert content is not None
        return content
    encrypted = encrypt_to(
        client_keys(services, client, use=ENCRYPTION).keys,
        content if content is not None else json.dumps(claims),
        alg=protection.encrypted_by,
        enc=protection.content_by or DEFAULT_CONTENT_ENCRYPTION,
        cty="JWT" if content is not None else None,
    )
    if encrypted is None:
        event = Event(
            type=EventType.TOKEN_REFUSED,
            outcome=Outcome.REFUSED,
            reason="no_encryption_key",
            actor=client.client_id,
            client_id=client.client_id,
            details={"algorithm": protection.encrypted_by},
        )
        error = TokenError("invalid_request", "The application has published no key to encrypt this answer to.")
        services.journal.refuse(session, event, error, now=now)
    return encrypted
