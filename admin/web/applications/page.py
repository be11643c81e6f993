"""One application: where it returns, how it proves itself, what it may ask, what happened last."""

from __future__ import annotations

import json

from sqlalchemy import select
from werkzeug.wrappers import Response

from admin.applications.changing import open_change
from admin.applications.reach import application_reached, owner_of
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.applications.links import links_of
from admin.web.applications.place import blueprint
from admin.web.applications.reasons import errors_address
from admin.web.applications.words import ENVIRONMENTS, METHODS, POLICIES, SCOPES, SHOWN
from admin.web.gate import operator, requires
from audit.model import AuditEvent
from idp.clients.client import Client
from idp.clients.registration.document import registration_document
from web.pages import render

_LAST_EVENTS = 12


@blueprint.get("/<client_id>")
@requires(Permission.CLIENTS_READ)
def show(client_id: str) -> Response:
    """Everything about one application."""
    powers = operator().powers
    with services().database.reading() as session:
        client = application_reached(session, powers, Permission.CLIENTS_READ, client_id)
        events = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.client_id == client_id)
            .order_by(AuditEvent.occurred_at.desc())
            .limit(_LAST_EVENTS)
        ).all()
        institution = owner_of(session, client)
        waits = open_change(session, client_id) is not None
    return render(
        "admin/applications/one.html",
        client=client,
        events=events,
        institution=institution,
        waits=waits,
        may_change=powers.allow(Permission.APPLICATIONS_WRITE),
        live=client.environment.value == "production",
        environment=ENVIRONMENTS[client.environment],
        methods=METHODS,
        scopes=SCOPES,
        policy=POLICIES.get(client.policy.name, client.policy.name),
        registered=_registered(client),
        key_ids=_key_ids(client),
        links=links_of(client_id, powers),
        errors_address=errors_address(),
        event_words=words.event_words,
        outcomes=words.OUTCOMES,
        may_search=powers.allow(Permission.AUDIT_SEARCH),
    )


def _registered(client: Client) -> list[tuple[str, str]]:
    """What else is registered, by its registered names: operators and developers speak of it so."""
    document = registration_document(client)
    return [(name, _text(value)) for name, value in document.items() if name not in SHOWN and value not in ([], {})]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _key_ids(client: Client) -> list[str]:
    keys = (client.jwks or {}).get("keys", [])
    return [str(key.get("kid", "")) for key in keys if isinstance(key, dict) and key.get("kid")]
