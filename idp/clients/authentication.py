"""A client proves who it is, and that is on record."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client, find_client
from idp.clients.client_secret import is_valid_secret
from idp.clients.jwks import key_set
from idp.clients.model import UsedAssertionRow
from idp.protocol.client_assertion import ClientAssertion, verify_client_assertion
from idp.protocol.client_authentication import PresentedCredentials, read_credentials
from idp.protocol.errors import InvalidClientError
from idp.protocol.jose import JwtError
from idp.protocol.parameters import Parameters
from kernel.errors import NotFound
from kernel.identifiers import sha256_hex


def authenticate_client(
    session: Session,
    *,
    journal: Journal,
    authorization: str | None,
    form: Parameters,
    expected_audiences: Collection[str],
    endpoint: str,
    now: datetime,
) -> Client:
    """Return the active client that the request proves to come from.

    :param authorization: the ``Authorization`` header.
    :param expected_audiences: what a signed assertion may be addressed to.
    :param endpoint: ``token``, ``introspect`` or ``revoke``, for the record.
    :raises InvalidClientError: the refusal is on record with its reason, which the client is not told.
    """
    client: Client | None = None
    try:
        presented = read_credentials(authorization=authorization, form=form.values)
        try:
            client = find_client(session, presented.client_id)
        except NotFound as error:
            raise InvalidClientError("unknown_client", client_id=presented.client_id) from error
        _require_proof(session, client, presented, expected_audiences=expected_audiences, now=now)
    except InvalidClientError as error:
        event = Event(
            type=EventType.CLIENT_AUTHENTICATED,
            outcome=Outcome.REFUSED,
            reason=error.reason[:64],
            actor=client.client_id if client else None,
            client_id=client.client_id if client else None,
            details={"endpoint": endpoint},
            # Whoever is unknown may have typed anything here.
            private={} if client or not error.client_id else {"client_id": error.client_id},
        )
        journal.refuse(session, event, error, now=now)
    event = Event(
        type=EventType.CLIENT_AUTHENTICATED,
        actor=client.client_id,
        client_id=client.client_id,
        details={"endpoint": endpoint, "method": presented.method},
    )
    journal.record(session, event, now=now)
    return client


def purge_used_assertions(session: Session, *, now: datetime) -> int:
    """Forget assertions that have expired anyway; return how many."""
    gone = session.execute(
        delete(UsedAssertionRow).where(UsedAssertionRow.expires_at <= now).returning(UsedAssertionRow.jti_sha256)
    )
    return len(gone.all())


def _require_proof(
    session: Session,
    client: Client,
    presented: PresentedCredentials,
    *,
    expected_audiences: Collection[str],
    now: datetime,
) -> None:
    if not client.active:
        raise InvalidClientError("client_disabled")
    if client.auth_method is AuthMethod.IN_PROCESS or presented.method != client.auth_method.value:
        raise InvalidClientError("wrong_method")
    if presented.secret is not None:
        if not is_valid_secret(session, client_id=client.client_id, presented=presented.secret.reveal(), now=now):
            raise InvalidClientError("wrong_secret")
    elif presented.assertion is not None:
        try:
            assertion = verify_client_assertion(
                presented.assertion,
                keys=key_set(client.jwks or {"keys": []}),
                client_id=client.client_id,
                expected_audiences=expected_audiences,
                now=now,
            )
        except JwtError as error:
            raise InvalidClientError(f"assertion_{error.reason}") from error
        _use_once(session, client, assertion)


def _use_once(session: Session, client: Client, assertion: ClientAssertion) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Of any number at once exactly one inserts: the others find the row.
    inserted = session.execute(
        insert(UsedAssertionRow)
        .values(client_id=client.client_id, jti_sha256=sha256_hex(assertion.jti), expires_at=assertion.expires_at)
        .on_conflict_do_nothing()
        .returning(UsedAssertionRow.client_id)
    ).scalar_one_or_none()
    if inserted is None:
        raise InvalidClientError("assertion_replayed")
