"""A client proves who it is, and that is on record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.assertion_proof import require_assertion
from idp.clients.auth_method import ASSERTION_METHODS, CERTIFICATE_METHODS, AuthMethod
from idp.clients.certificate_proof import require_certificate
from idp.clients.client import Client, find_client
from idp.clients.client_secret import is_valid_secret
from idp.protocol.client_authentication import PresentedCredentials
from idp.protocol.errors import InvalidClientError
from idp.protocol.sender import Sender
from idp.services import IdpServices
from kernel.errors import NotFound
from kernel.origin import note_client_proof


def authenticate_client(
    session: Session,
    *,
    services: IdpServices,
    presented: PresentedCredentials | InvalidClientError,
    sender: Sender,
    endpoint: str,
    recorded: bool = True,
    now: datetime,
) -> Client:
    """Return the active client that the request proves to come from.

    :param presented: what it shows, see :func:`idp.protocol.client_authentication.present`.
    :param sender: its certificate is the proof of the TLS methods; beside other methods it proves nothing here.
    :param endpoint: the path without its slash, ``token`` or ``par``: for the record, and an assertion may name it.
    :param recorded: False makes no event of the success alone: the one that tells what came of it has the method.
    :raises InvalidClientError: the refusal is on record with its reason, which the client is not told.
    :raises KeysNotFetchedError: see :mod:`idp.clients.remote_keys`; nothing is on record then.
    """
    client: Client | None = None
    try:
        if isinstance(presented, InvalidClientError):
            raise presented
        try:
            client = find_client(session, presented.client_id)
        except NotFound as error:
            raise InvalidClientError("unknown_client", client_id=presented.client_id) from error
        _require_proof(session, services, client, presented, sender=sender, endpoint=endpoint, now=now)
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
        services.journal.refuse(session, event, error, now=now)
    note_client_proof(client.auth_method.value)
    if recorded:
        event = Event(
            type=EventType.CLIENT_AUTHENTICATED,
            actor=client.client_id,
            client_id=client.client_id,
            details={"endpoint": endpoint},
        )
        services.journal.record(session, event, now=now)
    return client


def _require_proof(
    session: Session,
    services: IdpServices,
    client: Client,
    presented: PresentedCredentials,
    *,
    sender: Sender,
    endpoint: str,
    now: datetime,
) -> None:
    if not client.active:
        raise InvalidClientError("client_disabled")
    if client.auth_method is AuthMethod.IN_PROCESS or presented.method != _shown_as(client.auth_method).value:
        raise InvalidClientError("wrong_method")
    if presented.secret is not None:
        if not is_valid_secret(session, client_id=client.client_id, presented=presented.secret.reveal(), now=now):
            raise InvalidClientError("wrong_secret")
    elif presented.assertion is not None:
        require_assertion(session, services, client, presented.assertion, endpoint=endpoint, now=now)
    elif client.auth_method in CERTIFICATE_METHODS:
        require_certificate(session, services, client, sender.certificate_der, now=now)


def _shown_as(method: AuthMethod) -> AuthMethod:
    """Return the method as the request alone shows it: a certificate is beside it, and assertions look alike."""
    if method in CERTIFICATE_METHODS:
        return AuthMethod.NONE
    return AuthMethod.PRIVATE_KEY_JWT if method in ASSERTION_METHODS else method
