"""A registered application changes: what it registered is replaced as a whole, and the event says what differs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.clients.client import Client, client_value, find_client
from idp.clients.event_authorization import store_event_authorization
from idp.clients.history import CHANGED, described, note_change
from idp.clients.model import ClientRow, ClientSecretRow
from idp.clients.origins import note_origins
from idp.clients.register import registered_columns, require_free_resource
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from kernel.errors import Rejected

_VALUE_LIMIT = 200


def replace_registration(
    session: Session,
    *,
    journal: Journal,
    client_id: str,
    registration: ClientRegistration,
    sealing_secret: bytes | None = None,
    actor: str | None = None,
    asked_by: str | None = None,
    undoes: int | None = None,
    now: datetime,
) -> Client:
    """Give the client this registration in place of the one before; no event if they are the same.

    Secrets of a method that it no longer has end. Where somebody else than the application itself changes its scopes or
    APIs, what is left of them bounds what it may register by itself later (RFC 7592 §2.2).

    :param sealing_secret: needed where ``event_delivery_authorization`` may be given.
    :param asked_by: whose change it is, where ``actor`` only lets it happen. :param undoes: as :class:`Change` has it.
    :raises NotFound: ``unknown_client``. :raises Rejected: ``in_process_client``: our own console is no registration.
    :raises Conflict: ``resource_taken``.
    """
    before = find_client(session, client_id)
    if before.is_console:
        raise Rejected("The console is registered by the service itself.", code="in_process_client")
    require_free_resource(session, registration.resource, client_id=client_id)
    row = session.scalars(
        update(ClientRow)
        .where(ClientRow.client_id == client_id)
        .values(**registered_columns(registration), version=ClientRow.version + 1, updated_at=now)
        .returning(ClientRow)
        .execution_options(populate_existing=True)
    ).one()
    after = client_value(row)
    difference = differences(registration_document(before), registration_document(after))
    if store_event_authorization(
        session,
        registration,
        client_id=client_id,
        former_uri=before.metadata.event_delivery_uri,
        sealing_secret=sealing_secret,
        now=now,
    ):
        difference["event_delivery_authorization"] = ["…", "…"]
    if not difference:
        return after
    if actor != client_id and {"scope", "resources"} & difference.keys():
        row.decided = {"scopes": list(after.scopes), "resources": list(after.metadata.resources)}
    if before.auth_method is not after.auth_method:
        session.execute(delete(ClientSecretRow).where(ClientSecretRow.client_id == client_id))
    note_origins(session, client_id=client_id, redirect_uris=row.redirect_uris)
    event = Event(type=EventType.CLIENT_UPDATED, actor=actor, client_id=client_id, details={**difference})
    journal.record(session, event, now=now)
    note_change(
        session,
        kind=CHANGED,
        before=described(before),
        after=after,
        undoes=undoes,
        changed_by=asked_by or actor,
        approved_by=actor if asked_by else None,
        now=now,
    )
    return after


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """Return, for each member that changed, what it was and what it is, as short texts."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return {name: [_short(before.get(name)), _short(after.get(name))] for name in names}


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}…"
