"""An application reads, replaces and deletes its own registration (RFC 7592)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Any

from sqlalchemy.orm import Session

from idp.clients.auth_method import SECRET_METHODS
from idp.clients.change import replace_registration
from idp.clients.client import Client, client_value
from idp.clients.client_secret import add_secret, is_valid_secret, rotate_secret, sealing_secret_for
from idp.clients.dynamic.bounds import bounded_metadata
from idp.clients.dynamic.dynamic_registration import (
    SelfRegistered,
    new_registration_token,
    provisional,
    refuse_registration,
    request_certificate,
    with_certificate,
)
from idp.clients.dynamic.initial_access import InitialAccess, initial_access_of
from idp.clients.model import ClientRow
from idp.clients.register import delete_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.sector import require_sector
from idp.clients.registration.values import refusal
from idp.protocol.errors import BearerTokenError
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, Rejected
from kernel.identifiers import sha256_hex

# RFC 7592 §2.2: what the server alone says.
_OURS = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")


@dataclass(frozen=True)
class _Registration:
    client: Client
    access: InitialAccess
    certificate_request_id: str | None


def read_registration(services: IdpServices, *, client_id: str, token: str, now: datetime) -> SelfRegistered:
    """Return what is registered (§2.1), with the certificate that a CSR asked for. The secret is not known any more.

    :raises BearerTokenError: the token does not open this registration.
    """
    with services.database.reading() as session:
        found = _open(session, client_id, token)
    registered = SelfRegistered(found.client)
    if found.certificate_request_id is None:
        return registered
    return with_certificate(services, registered, found.certificate_request_id, now=now)


def update_registration(
    services: IdpServices, *, client_id: str, token: str, metadata: Mapping[str, Any], now: datetime
) -> SelfRegistered:
    """Replace the whole registration (§2.2) within the bounds of the initial access token; the token changes, too.

    :raises BearerTokenError: as :func:`read_registration`. :raises ServiceError: the metadata cannot be registered.
    """
    access: InitialAccess | None = None
    try:
        with services.database.reading() as session:
            found = _open(session, client_id, token)
        access = found.access
        wanted = _without_ours(metadata, client_id)
        require_sector(services, ClientRegistration.parse(provisional(_bounded(found, wanted))))
        with services.database.transaction() as session:
            registered, request_id = _replace(session, services, client_id, token, metadata, now=now)
    except (Rejected, Denied, Conflict) as error:
        # Whoever holds no token may have named any application.
        refuse_registration(services, access, error, client_id=client_id if access else None, now=now)
    if request_id is None:
        return registered
    return with_certificate(services, registered, request_id, now=now)


def delete_registration(services: IdpServices, *, client_id: str, token: str, now: datetime) -> None:
    """End the application (§2.3): nobody logs in to it, and what it holds ends at its next use.

    :raises BearerTokenError: as :func:`read_registration`.
    """
    with services.database.transaction() as session:
        _open(session, client_id, token)
        delete_client(session, journal=services.journal, client_id=client_id, actor=client_id, now=now)


def renew_secret(services: IdpServices, *, client_id: str, token: str, now: datetime) -> SelfRegistered:
    """Give the application a further secret; the one before serves for seven more days. An extension of ours.

    :raises BearerTokenError: as :func:`read_registration`. :raises Rejected: (``no_client_secret``) it has none.
    """
    with services.database.transaction() as session:
        client = _open(session, client_id, token).client
        secret = rotate_secret(
            session,
            journal=services.journal,
            client=client,
            sealing_secret=services.sealing_secret,
            actor=client_id,
            now=now,
        )
    return SelfRegistered(client, secret)


def _open(session: Session, client_id: str, token: str) -> _Registration:
    """RFC 7592 §2: an unknown application, a closed one and a wrong token look the same."""
    row = session.get(ClientRow, client_id) if 0 < len(client_id) <= 64 and client_id.isprintable() else None
    expected = row.registration_token_sha256 if row is not None and row.status == "active" else None
    if not compare_digest(sha256_hex(token), expected or ""):
        raise BearerTokenError("wrong_registration_access_token")
    assert row is not None
    access = initial_access_of(session, row.registered_with)
    if access is None:
        raise BearerTokenError("wrong_registration_access_token")
    client = client_value(row)
    # An administrator may have put the application under another policy since, or given it other scopes and APIs: its
    # own change does not undo that.
    access = replace(access, policy=client.policy)
    if row.decided is not None:
        access = replace(access, scopes=tuple(row.decided["scopes"]), resources=tuple(row.decided["resources"]))
    return _Registration(client, access, row.certificate_request_id)


def _without_ours(metadata: Mapping[str, Any], client_id: str) -> dict[str, Any]:
    if metadata.get("client_id") != client_id:
        raise refusal("client_id: must be that of this registration")
    if ours := [name for name in _OURS if name in metadata]:
        raise refusal(f"{', '.join(ours)}: must be left out")
    return {name: value for name, value in metadata.items() if name not in ("client_id", "client_secret")}


def _bounded(found: _Registration, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata within bounds. The name in a certificate of ours stays as long as no new CSR comes."""
    wanted = dict(metadata)
    names = found.client.metadata.certificate_names
    if found.certificate_request_id is not None and wanted.get("csr") is None:
        wanted |= names
    elif wanted.get("csr") is not None:
        # An application sends back what it was answered; the new certificate names itself.
        wanted = {name: value for name, value in wanted.items() if wanted[name] != names.get(name)}
    return bounded_metadata(wanted, found.access)


def _replace(
    session: Session,
    services: IdpServices,
    client_id: str,
    token: str,
    metadata: Mapping[str, Any],
    *,
    now: datetime,
) -> tuple[SelfRegistered, str | None]:
    found = _open(session, client_id, token)
    _require_own_secret(session, client_id, metadata.get("client_secret"), now=now)
    bounded = _bounded(found, _without_ours(metadata, client_id))
    named, request_id = request_certificate(session, services, found.access, bounded, client_id=client_id, now=now)
    client = replace_registration(
        session,
        journal=services.journal,
        client_id=client_id,
        registration=ClientRegistration.parse(named),
        sealing_secret=services.sealing_secret,
        actor=client_id,
        now=now,
    )
    secret = None
    if client.auth_method in SECRET_METHODS and client.auth_method is not found.client.auth_method:
        sealing = sealing_secret_for(client.auth_method, services.sealing_secret)
        secret = add_secret(session, client_id=client_id, sealing_secret=sealing, now=now)
    management = new_registration_token(
        session,
        client_id,
        replacing=token,
        certificate_request_id=request_id or found.certificate_request_id,
    )
    return SelfRegistered(client, secret, management), request_id


def _require_own_secret(session: Session, client_id: str, presented: object, *, now: datetime) -> None:
    """RFC 7592 §2.2: a client does not choose its secret; one that it sends must be the one it has."""
    if presented is None:
        return
    if not isinstance(presented, str) or not is_valid_secret(
        session, client_id=client_id, presented=presented, now=now
    ):
        raise refusal("client_secret: must be the present one, or be left out")
