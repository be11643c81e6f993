"""Relying applications in a configuration: by client_id, with all that is registered, where they stand, and whose."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.auth_method import SECRET_METHODS, AuthMethod
from idp.clients.client import Client, client_value
from idp.clients.client_secret import has_valid_secret
from idp.clients.model import ClientRow, EventAuthorizationRow
from idp.clients.register import DELETED
from idp.clients.registration.document import REGISTERED_NAMES, registration_document
from idp.directory.institutions import list_institutions

SECTION = "applications"
CLIENT_SECRET, EVENT_AUTHORIZATION = "client_secret", "event_delivery_authorization"
SECRETS = (CLIENT_SECRET, EVENT_AUTHORIZATION)
#: What a secret is written as: there is one, and it stays; for the client's own also: one is made if there is none.
KEPT, NEW = "kept", "new"
PLACES: Mapping[str, type] = {"active": bool, "environment": str, "institution": str}
MEMBERS: Mapping[str, type] = {**dict.fromkeys((*sorted(REGISTERED_NAMES), *SECRETS), object), **PLACES}


def configurable_clients(session: Session) -> Iterator[Client]:
    """Give the applications that a configuration is about, by client_id.

    Not our own console, not those that registered themselves and look after themselves (RFC 7592), not deleted ones.
    """
    rows = session.scalars(select(ClientRow).where(ClientRow.status != DELETED, ClientRow.registered_with.is_(None)))
    clients = (client_value(row) for row in sorted(rows, key=lambda row: row.client_id))
    return (client for client in clients if client.auth_method is not AuthMethod.IN_PROCESS)


def export_applications(session: Session, *, now: datetime) -> dict[str, Any]:
    """Return the applications. Of a secret it says that there is one."""
    rucs = {each.id: each.ruc for each in list_institutions(session)}
    receivers = set(session.scalars(select(EventAuthorizationRow.client_id)))
    applications = {}
    for client in configurable_clients(session):
        document: dict[str, Any] = {
            "active": client.active,
            "environment": client.environment.value,
            "institution": rucs.get(client.institution_id or ""),
            **registered(client),
        }
        if client.auth_method in SECRET_METHODS and has_valid_secret(session, client_id=client.client_id, now=now):
            document[CLIENT_SECRET] = KEPT
        if client.client_id in receivers:
            document[EVENT_AUTHORIZATION] = KEPT
        applications[client.client_id] = document
    return applications


def registered(client: Client) -> dict[str, Any]:
    """Return what is registered as JSON values."""
    document: dict[str, Any] = json.loads(json.dumps(registration_document(client)))
    return document
