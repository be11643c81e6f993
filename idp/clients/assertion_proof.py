"""A client proves by a signed assertion who it is: ``private_key_jwt`` and ``client_secret_jwt``, each once."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.clients.client_secret import secret_keys
from idp.clients.keys import client_keys, renewed_client_keys
from idp.clients.model import UsedAssertionRow
from idp.protocol.client_assertion import ALGORITHMS, SECRET_ALGORITHMS, ClientAssertion, verify_client_assertion
from idp.protocol.errors import InvalidClientError
from idp.protocol.jose import JwtError
from idp.services import IdpServices
from kernel.identifiers import sha256_hex

_PERHAPS_NEW_KEY = frozenset({"unknown_key", "bad_signature"})


def require_assertion(
    session: Session, services: IdpServices, client: Client, assertion: str, *, endpoint: str, now: datetime
) -> None:
    """Check the client's assertion and use it up.

    :raises InvalidClientError: ``assertion_`` and the reason. :raises KeysNotFetchedError: in a transaction.
    """
    try:
        verified = _verified(session, services, client, assertion, endpoint=endpoint, now=now)
    except JwtError as error:
        raise InvalidClientError(f"assertion_{error.reason}") from error
    if not use_jti_once(session, client_id=client.client_id, jti=verified.jti, expires_at=verified.expires_at):
        raise InvalidClientError("assertion_replayed")


def assertion_algorithms(client: Client) -> tuple[str, ...]:
    """Return what the client may sign its assertions with: its one registered algorithm, or all that its kind may."""
    served = SECRET_ALGORITHMS if client.auth_method is AuthMethod.CLIENT_SECRET_JWT else ALGORITHMS
    allowed = client.policy.signature_algorithms
    registered = client.metadata.token_endpoint_auth_signing_alg
    return tuple(
        algorithm for algorithm in served if (not allowed or algorithm in allowed) and registered in (None, algorithm)
    )


def purge_used_assertions(session: Session, *, now: datetime) -> int:
    """Forget assertions that have expired anyway; return how many."""
    gone = session.execute(
        delete(UsedAssertionRow).where(UsedAssertionRow.expires_at <= now).returning(UsedAssertionRow.jti_sha256)
    )
    return len(gone.all())


def _verified(
    session: Session, services: IdpServices, client: Client, assertion: str, *, endpoint: str, now: datetime
) -> ClientAssertion:
    secret = client.auth_method is AuthMethod.CLIENT_SECRET_JWT
    keys = (
        secret_keys(session, client_id=client.client_id, sealing_secret=services.sealing_secret, now=now)
        if secret
        else client_keys(services, client)
    )
    verify = partial(
        verify_client_assertion,
        assertion,
        algorithms=assertion_algorithms(client),
        client_id=client.client_id,
        expected_audiences=_audiences(services, client, endpoint),
        one_text=client.policy.issuer_as_only_audience,
        now=now,
    )
    try:
        return verify(keys=keys)
    except JwtError as error:
        renewed = None if secret or error.reason not in _PERHAPS_NEW_KEY else renewed_client_keys(services, client)
        if renewed is None:
            raise
        return verify(keys=renewed)


def _audiences(services: IdpServices, client: Client, endpoint: str) -> tuple[str, ...]:
    settings = services.settings
    if client.policy.issuer_as_only_audience:
        return (settings.issuer,)
    # RFC 9126 §2, CIBA §7.1: the token endpoint's address serves everywhere.
    origins = [settings.issuer, *([settings.mtls_origin] if settings.mtls_origin else [])]
    return (settings.issuer, *(f"{origin}/{path}" for origin in origins for path in ("token", endpoint)))


def use_jti_once(session: Session, *, client_id: str, jti: str, expires_at: datetime) -> bool:
    """Use up the identifier of something that the client signed; tell whether it was unused."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Of any number at once exactly one inserts: the others find the row.
    inserted = session.execute(
        insert(UsedAssertionRow)
        .values(client_id=client_id, jti_sha256=sha256_hex(jti), expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(UsedAssertionRow.client_id)
    ).scalar_one_or_none()
    return inserted is not None
