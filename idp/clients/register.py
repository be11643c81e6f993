"""Applications come, change and go: each step with its event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.clients.api import find_apis
from idp.clients.auth_method import SECRET_METHODS, AuthMethod
from idp.clients.client import Client, client_value
from idp.clients.client_secret import add_secret, sealing_secret_for
from idp.clients.environment import Environment
from idp.clients.event_authorization import drop_event_authorization, store_event_authorization
from idp.clients.history import CHANGED, DISABLED, ENABLED, PLACED, REGISTERED, described, note_change
from idp.clients.history import DELETED as WAS_DELETED
from idp.clients.model import ClientRow, ClientSecretRow
from idp.clients.origins import note_origins
from idp.clients.own_apis import OWN_APIS
from idp.clients.policy import WEB
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import find_institution
from idp.protocol.scope import IDENTITY_SCOPES
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import new_id
from kernel.secret_text import SecretText

DELETED = "deleted"
_KINDS = {
    EventType.CLIENT_UPDATED: CHANGED,
    EventType.CLIENT_DISABLED: DISABLED,
    EventType.CLIENT_ENABLED: ENABLED,
    EventType.CLIENT_DELETED: WAS_DELETED,
}


@dataclass(frozen=True)
class RegisteredClient:
    """A fresh client and, where its method has one, its secret: shown once, stored as a digest."""

    client: Client
    secret: SecretText | None


def register_client(
    session: Session,
    *,
    journal: Journal,
    registration: ClientRegistration,
    sealing_secret: bytes | None = None,
    institution_id: str | None = None,
    client_id: str | None = None,
    environment: Environment = Environment.PRODUCTION,
    secret: SecretText | None = None,
    actor: str | None = None,
    now: datetime,
) -> RegisteredClient:
    """Register an application and return it with its secret.

    :param sealing_secret: needed for ``client_secret_jwt`` and for ``event_delivery_authorization``.
    :param client_id: a name of one's own for clients known in advance; by default a new one.
    :param environment: whom it may let in.
    :param secret: one that another installation made, where its method has one; by default a new one.
    :raises NotFound: (``unknown_institution``). :raises Conflict: ``client_exists``, ``resource_taken``.
    :raises Rejected: (``bad_client_metadata``) if an API or a scope of one is not registered.
    """
    if institution_id is not None and not find_institution(session, institution_id).active:
        raise NotFound("This institution is closed.", code="unknown_institution")
    row = _row(registration, client_id=client_id or new_id(), institution_id=institution_id, now=now)
    row.environment = environment.value
    if session.get(ClientRow, row.client_id):
        raise Conflict("There is an application with this client_id.", code="client_exists")
    if row.resource and session.scalar(select(ClientRow.client_id).where(ClientRow.resource == row.resource)):
        raise Conflict("Another application is registered as this API.", code="resource_taken")
    require_declared_scopes(session, registration)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # another transaction was first
        raise Conflict("There is such an application.", code="client_exists") from error
    note_origins(session, client_id=row.client_id, redirect_uris=row.redirect_uris)
    shown = None
    if registration.auth_method in SECRET_METHODS:
        sealing = sealing_secret_for(registration.auth_method, sealing_secret)
        shown = add_secret(session, client_id=row.client_id, sealing_secret=sealing, given=secret, now=now)
    store_event_authorization(
        session, registration, client_id=row.client_id, former_uri=None, sealing_secret=sealing_secret, now=now
    )
    event = Event(
        type=EventType.CLIENT_REGISTERED,
        actor=actor,
        client_id=row.client_id,
        object_id=institution_id,
        details={
            "name": row.name,
            "policy": row.policy,
            "environment": row.environment,
            "auth_method": row.token_endpoint_auth_method,
            "redirect_uris": list(row.redirect_uris),
            "grant_types": list(row.grant_types),
            "scopes": list(row.scopes),
        },
    )
    journal.record(session, event, now=now)
    registered = client_value(row)
    note_change(session, kind=REGISTERED, before={}, after=registered, changed_by=actor, now=now)
    return RegisteredClient(registered, shown)


def require_declared_scopes(session: Session, registration: ClientRegistration) -> None:
    """Check that people can be told in words what they will be asked to allow.

    A service that acts for itself asks nobody, and its API may verify tokens without being registered here.
    """
    if "authorization_code" not in registration.grant_types:
        return
    apis = find_apis(session, registration.metadata.resources)
    own = frozenset().union(*(OWN_APIS.get(each, ()) for each in registration.metadata.resources))
    if missing := set(registration.metadata.resources) - set(apis) - set(OWN_APIS):
        raise Rejected(f"No API is registered as {min(missing)}.", code="bad_client_metadata")
    declared = {scope for api in apis.values() for scope in api.scopes}
    if foreign := set(registration.scopes) - set(IDENTITY_SCOPES) - declared - own:
        raise Rejected(f"No API in resources has the scope {min(foreign)}.", code="bad_client_metadata")


def register_console_client(
    session: Session, *, journal: Journal, client_id: str, redirect_uri: str, now: datetime
) -> Client:
    """Register our own console, or move it to ``redirect_uri``; return it. Running it again changes nothing."""
    row = session.get(ClientRow, client_id)
    if row is not None:
        if list(row.redirect_uris) != [redirect_uri] or row.status != "active":
            change: dict[str, str | list[str]] = {"redirect_uris": [redirect_uri], "status": "active"}
            return _change(session, journal, client_id, EventType.CLIENT_UPDATED, change, actor=None, now=now)
        return client_value(row)
    registration = ClientRegistration.parse(
        {
            "client_name": "Consola de SAU",
            "redirect_uris": [redirect_uri],
            "token_endpoint_auth_method": "none",
            "scope": "openid profile email",
            "default_acr_values": ["urn:sau:acr:2fa"],
        }
    )
    row = _row(registration, client_id=client_id, institution_id=None, now=now)
    row.token_endpoint_auth_method = AuthMethod.IN_PROCESS
    row.policy = WEB.name  # the one that has this method
    session.add(row)
    session.flush()
    event = Event(type=EventType.CLIENT_REGISTERED, client_id=client_id, details={"auth_method": "in_process"})
    journal.record(session, event, now=now)
    return client_value(row)


def set_scopes(
    session: Session,
    *,
    journal: Journal,
    client_id: str,
    scopes: tuple[str, ...],
    actor: str | None = None,
    now: datetime,
) -> Client:
    """Replace what the client may ask for; what it loses ends at its next refresh.

    :raises NotFound: ``unknown_client``.
    """
    change = {"scopes": list(scopes)}
    return _change(session, journal, client_id, EventType.CLIENT_UPDATED, change, actor=actor, now=now)


def move_client(
    session: Session,
    *,
    journal: Journal,
    client_id: str,
    registration: ClientRegistration,
    actor: str | None = None,
    now: datetime,
) -> Client:
    """Give the client the redirect and logout addresses of ``registration``; nothing happens if it has them.

    :raises NotFound: ``unknown_client``.
    """
    row = session.get(ClientRow, client_id)
    change: dict[str, str | list[str] | dict[str, Any]] = {
        "redirect_uris": list(registration.redirect_uris),
        "post_logout_redirect_uris": list(registration.post_logout_redirect_uris),
        "metadata_": {**(row.metadata_ if row else {}), **registration.metadata.to_document()},
    }
    if row is not None and all(getattr(row, name) == wanted for name, wanted in change.items()):
        return client_value(row)
    return _change(session, journal, client_id, EventType.CLIENT_UPDATED, change, actor=actor, now=now)


def place_client(
    session: Session,
    *,
    journal: Journal,
    client_id: str,
    environment: Environment,
    institution_id: str | None,
    actor: str | None = None,
    now: datetime,
) -> Client:
    """Say where an application stands, and which institution answers for it.

    :raises NotFound: ``unknown_client``; (``unknown_institution``) there is none, or it is closed.
    """
    if institution_id is not None and not find_institution(session, institution_id).active:
        raise NotFound("This institution is closed.", code="unknown_institution")
    change = {"environment": environment.value, "institution_id": institution_id}
    return _change(session, journal, client_id, EventType.CLIENT_UPDATED, change, actor=actor, now=now)


def disable_client(
    session: Session, *, journal: Journal, client_id: str, actor: str | None = None, now: datetime
) -> Client:
    """Close an application: nobody logs in to it, and its tokens and refresh tokens end at their next use.

    :raises NotFound: ``unknown_client``.
    """
    change = {"status": "disabled"}
    return _change(session, journal, client_id, EventType.CLIENT_DISABLED, change, actor=actor, now=now)


def enable_client(
    session: Session, *, journal: Journal, client_id: str, actor: str | None = None, now: datetime
) -> Client:
    """Open a closed application again: it works as it did, with its keys and secrets.

    :raises NotFound: ``unknown_client``. :raises Rejected: (``client_deleted``) it gave its registration up.
    """
    row = session.get(ClientRow, client_id)
    if row is not None and row.status == DELETED:
        raise Rejected("This application gave its registration up.", code="client_deleted")
    change = {"status": "active"}
    return _change(session, journal, client_id, EventType.CLIENT_ENABLED, change, actor=actor, now=now)


def delete_client(session: Session, *, journal: Journal, client_id: str, actor: str, now: datetime) -> None:
    """End an application for good: as :func:`disable_client`, and its secrets and its registration token are gone.

    The row stays: records, consents and sessions name it.

    :raises NotFound: ``unknown_client``.
    """
    session.execute(delete(ClientSecretRow).where(ClientSecretRow.client_id == client_id))
    drop_event_authorization(session, client_id=client_id)
    change = {"status": DELETED, "registration_token_sha256": None, "resource": None}
    _change(session, journal, client_id, EventType.CLIENT_DELETED, change, actor=actor, now=now)


def purge_expired_secrets(session: Session, *, now: datetime) -> int:
    """Delete secrets whose time is over; return how many."""
    gone = session.execute(
        delete(ClientSecretRow).where(ClientSecretRow.expires_at <= now).returning(ClientSecretRow.id)
    )
    return len(gone.all())


def _change(
    session: Session,
    journal: Journal,
    client_id: str,
    kind: EventType,
    values: Mapping[str, str | list[str] | dict[str, Any] | None],
    *,
    actor: str | None,
    now: datetime,
) -> Client:
    stands = session.get(ClientRow, client_id)
    before = described(client_value(stands)) if stands is not None else {}
    row = session.scalars(
        update(ClientRow)
        .where(ClientRow.client_id == client_id)
        .values(**values, version=ClientRow.version + 1, updated_at=now)
        .returning(ClientRow)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such application.", code="unknown_client")
    if "redirect_uris" in values:
        note_origins(session, client_id=client_id, redirect_uris=row.redirect_uris)
    details = {name: value for name, value in values.items() if value is not None and not isinstance(value, dict)}
    journal.record(session, Event(type=kind, actor=actor, client_id=client_id, details=details), now=now)
    after = client_value(row)
    kept_as = PLACED if "environment" in values else _KINDS[kind]
    note_change(session, kind=kept_as, before=before, after=after, changed_by=actor, now=now)
    return after


def require_free_resource(session: Session, resource: str | None, *, client_id: str) -> None:
    """:raises Conflict: (``resource_taken``) another application is registered as this API."""
    taken = select(ClientRow.client_id).where(ClientRow.resource == resource, ClientRow.client_id != client_id)
    if resource and session.scalar(taken):
        raise Conflict("Another application is registered as this API.", code="resource_taken")


def registered_columns(registration: ClientRegistration) -> dict[str, Any]:
    """Return what is registered as columns of its row."""
    return {
        "name": registration.name,
        "application_type": registration.application_type,
        "redirect_uris": list(registration.redirect_uris),
        "post_logout_redirect_uris": list(registration.post_logout_redirect_uris),
        "token_endpoint_auth_method": registration.auth_method.value,
        "jwks": registration.jwks,
        "id_token_signed_response_alg": registration.id_token_alg,
        "grant_types": list(registration.grant_types),
        "scopes": list(registration.scopes),
        "optional_scopes": list(registration.optional_scopes),
        "minimum_acr": registration.minimum_acr,
        "resource": registration.resource,
        "policy": registration.policy.name,
        "metadata_": registration.metadata.to_document(),
    }


def _row(registration: ClientRegistration, *, client_id: str, institution_id: str | None, now: datetime) -> ClientRow:
    return ClientRow(
        **registered_columns(registration),
        client_id=client_id,
        institution_id=institution_id,
        status="active",
        version=1,
        created_at=now,
        updated_at=now,
    )
