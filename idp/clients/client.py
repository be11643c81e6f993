"""The relying application as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.auth_method import AuthMethod
from idp.clients.environment import Environment, Place
from idp.clients.model import ClientRow
from idp.clients.policy import POLICIES, ClientPolicy
from idp.clients.registration.metadata import ClientMetadata
from kernel.errors import NotFound
from kernel.prefetch import UNKNOWN, kept


@dataclass(frozen=True)
class Client:
    """A relying application.

    :ivar optional_scopes: the part of ``scopes`` that a person may leave out and still be served.
    :ivar minimum_acr: the least strength of login that the application accepts, whatever its request says.
    :ivar resource: the identifier of the API that this application itself is, for introspection.
    :ivar policy: the rules for its kind.
    :ivar metadata: what else it registered.
    :ivar environment: whom it may let in.
    :ivar deleted: it is gone for good; its row stays for what names it.
    :ivar version: grows with every change: cached copies are told apart by it.
    """

    client_id: str
    name: str
    institution_id: str | None
    application_type: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    jwks: dict[str, Any] | None
    id_token_alg: str
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...]
    minimum_acr: str | None
    resource: str | None
    policy: ClientPolicy
    metadata: ClientMetadata
    active: bool
    version: int
    created_at: datetime
    environment: Environment = Environment.PRODUCTION
    deleted: bool = False

    @property
    def is_public(self) -> bool:
        """Whether it cannot keep a secret (RFC 6749 §2.1)."""
        return self.auth_method is AuthMethod.NONE

    @property
    def place(self) -> Place:
        """Where it stands, and whose it is."""
        return Place(self.environment, self.institution_id)

    @property
    def is_console(self) -> bool:
        """Whether it is our own console, the one client that asks no consent: it shows us nothing that we lack."""
        return self.auth_method is AuthMethod.IN_PROCESS


def find_client(session: Session, client_id: str) -> Client:
    """Return the client, active or not. :raises NotFound: ``unknown_client``."""
    found = kept(session, Client, client_id)
    if found is UNKNOWN:
        row = session.get(ClientRow, client_id) if is_client_id(client_id) else None
        found = client_value(row) if row is not None else None
    if found is None:
        raise NotFound("There is no such application.", code="unknown_client")
    client: Client = found
    return client


def hold_client(session: Session, client_id: str) -> Client:
    """Return the client as it stands now; until the transaction ends nobody else changes it.

    :raises NotFound: ``unknown_client``.
    """
    held = select(ClientRow).where(ClientRow.client_id == client_id).with_for_update()
    row = session.scalar(held.execution_options(populate_existing=True))
    if row is None:
        raise NotFound("There is no such application.", code="unknown_client")
    return client_value(row)


def is_client_id(text: str) -> bool:
    """Tell whether a client can have this name."""
    return 0 < len(text) <= 64 and text.isprintable()


def is_registered(session: Session, client_id: str) -> bool:
    """Tell whether there is a client of this name, active or not."""
    try:
        return bool(find_client(session, client_id))
    except NotFound:
        return False


def list_clients(session: Session) -> list[Client]:
    """Return all clients by name."""
    return [client_value(row) for row in session.scalars(select(ClientRow).order_by(ClientRow.name))]


def client_value(row: ClientRow) -> Client:
    """Return the row as a value."""
    return Client(
        client_id=row.client_id,
        name=row.name,
        institution_id=row.institution_id,
        application_type=row.application_type,
        redirect_uris=tuple(row.redirect_uris),
        post_logout_redirect_uris=tuple(row.post_logout_redirect_uris),
        auth_method=AuthMethod(row.token_endpoint_auth_method),
        jwks=row.jwks,
        id_token_alg=row.id_token_signed_response_alg,
        grant_types=tuple(row.grant_types),
        scopes=tuple(row.scopes),
        optional_scopes=tuple(row.optional_scopes),
        minimum_acr=row.minimum_acr,
        resource=row.resource,
        policy=POLICIES[row.policy],
        metadata=ClientMetadata.from_document(row.metadata_),
        active=row.status == "active",
        version=row.version,
        created_at=row.created_at,
        environment=Environment(row.environment),
        deleted=row.status == "deleted",
    )
