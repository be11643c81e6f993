"""An application registers itself (RFC 7591), with an initial access token and, if it likes, a certificate request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.clients.dynamic.bounds import bounded_metadata
from idp.clients.dynamic.initial_access import InitialAccess, find_initial_access, use_initial_access
from idp.clients.model import ClientRow
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.sector import require_sector
from idp.clients.registration.values import refusal
from idp.directory.institutions import find_institution
from idp.protocol.errors import BearerTokenError
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Rejected, ServiceError, Unavailable
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.secret_text import SecretText

PROVISIONAL_SUBJECT = "CN=to-be-issued"


@dataclass(frozen=True)
class SelfRegistered:
    """An application after its own registration or change of it.

    :ivar secret: if a new one was made. :ivar registration_token: opens its registration (RFC 7592), shown once.
    :ivar certificate_chain_pem: its fresh client certificate and what is above it, without the root.
    """

    client: Client
    secret: SecretText | None = None
    registration_token: SecretText | None = None
    certificate_chain_pem: str | None = field(default=None)


def register_dynamically(
    services: IdpServices, *, token: str, metadata: Mapping[str, Any], now: datetime
) -> SelfRegistered:
    """Register an application. Opens its own transactions: hosts are asked before, a certificate is signed after.

    :param token: the initial access token.
    :raises BearerTokenError: it allows nothing. :raises ServiceError: the metadata cannot be registered; on record.
    """
    access: InitialAccess | None = None
    try:
        with services.database.reading() as session:
            access = find_initial_access(session, token, now=now)
        # Before the transaction: nobody's server holds our database.
        require_sector(services, ClientRegistration.parse(provisional(bounded_metadata(metadata, access))))
        with services.database.transaction() as session:
            registered, request_id = _register(session, services, token, metadata, now=now)
    except (Rejected, Denied, Conflict) as error:
        refuse_registration(services, access, error, now=now)
    if request_id is None:
        return registered
    return with_certificate(services, registered, request_id, now=now)


def refuse_registration(
    services: IdpServices,
    access: InitialAccess | None,
    error: ServiceError,
    *,
    client_id: str | None = None,
    now: datetime,
) -> NoReturn:
    """Put the refusal on record, in a transaction of its own, and raise it."""
    event = Event(
        type=EventType.CLIENT_REGISTRATION_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.reason if isinstance(error, BearerTokenError) else error.code,
        actor=client_id,
        client_id=client_id,
        object_id=access.id if access else None,
        details={"detail": error.public_detail[:200]},
    )
    with services.database.transaction() as session:
        services.journal.refuse(session, event, error, now=now)


def provisional(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata that can be checked before the certificate that ``csr`` asks for has a name."""
    if metadata.get("csr") is None:
        return dict(metadata)
    return {**metadata, "tls_client_auth_subject_dn": PROVISIONAL_SUBJECT}


def request_certificate(
    session: Session,
    services: IdpServices,
    access: InitialAccess,
    metadata: Mapping[str, Any],
    *,
    client_id: str,
    now: datetime,
) -> tuple[dict[str, Any], str | None]:
    """Have the certificate that ``csr`` asks for approved; return the metadata with its name, and the request's id.

    :raises Rejected: the authority cannot grant it (``bad_client_metadata``).
    """
    csr = metadata.get("csr")
    if csr is None:
        return dict(metadata), None
    if not isinstance(csr, str) or access.institution_id is None:
        raise refusal("csr: a PKCS #10 request in PEM, with an initial access token of an institution")
    if any(metadata.get(name) for name in metadata if name.startswith("tls_client_auth_")):
        raise refusal("csr: the certificate decides the name; leave tls_client_auth_… out")
    try:
        requested = services.certificates.request_client_certificate(
            session,
            csr=csr,
            client_id=client_id,
            client_name=str(metadata["client_name"]),
            institution_ruc=find_institution(session, access.institution_id).ruc,
            requested_by=access.id,
            now=now,
        )
    except (Rejected, Denied, Conflict) as error:
        raise refusal(f"csr: {error.public_detail}") from error
    return {**metadata, "tls_client_auth_subject_dn": requested.subject_dn}, requested.request_id


def with_certificate(
    services: IdpServices, registered: SelfRegistered, request_id: str, *, now: datetime
) -> SelfRegistered:
    """Return the application with its certificate signed. If the key does not answer, without: it may ask again."""
    try:
        issued = services.certificates.complete_client_certificate(request_id, now=now)
    except Unavailable:
        return registered
    return SelfRegistered(
        registered.client, registered.secret, registered.registration_token, certificate_chain_pem=issued.chain_pem
    )


def new_registration_token(
    session: Session, client_id: str, *, replacing: str | None = None, **values: str | None
) -> SecretText:
    """Give the application a token for its registration and return it, with ``values`` for other columns.

    :param replacing: the token that it comes with; of any number at once one wins.
    :raises Conflict: (``registration_changed``) it is no longer the one.
    """
    token = new_secret()
    row = ClientRow
    change = update(row).where(row.client_id == client_id)
    if replacing is not None:
        change = change.where(row.registration_token_sha256 == sha256_hex(replacing))
    done = session.execute(
        change.values(registration_token_sha256=sha256_hex(token), **values).returning(row.client_id)
    ).scalar_one_or_none()
    if done is None:
        raise Conflict("The registration was changed meanwhile.", code="registration_changed")
    return SecretText(token)


def _register(
    session: Session, services: IdpServices, token: str, metadata: Mapping[str, Any], *, now: datetime
) -> tuple[SelfRegistered, str | None]:
    access = find_initial_access(session, token, now=now)
    use_initial_access(session, access, now=now)
    client_id = new_id()
    bounded = bounded_metadata(metadata, access)
    named, request_id = request_certificate(session, services, access, bounded, client_id=client_id, now=now)
    registration = ClientRegistration.parse(named)
    if registration.auth_method is AuthMethod.IN_PROCESS:
        raise refusal("token_endpoint_auth_method: not over HTTP")
    registered = register_client(
        session,
        journal=services.journal,
        registration=registration,
        sealing_secret=services.sealing_secret,
        institution_id=access.institution_id,
        client_id=client_id,
        actor=access.id,
        now=now,
    )
    management = new_registration_token(
        session, client_id, registered_with=access.id, certificate_request_id=request_id
    )
    return SelfRegistered(registered.client, registered.secret, management), request_id
