"""Relying applications and what could not be delivered to them, by the API. No secret is among it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

import idp.jobs
from admin.api.operation import Call, Document, Lines, Operation
from admin.applications.reach import application_reached, applications_reached, owner_of
from admin.permissions import Permission
from idp.clients.client import Client
from idp.clients.environment import Environment
from idp.clients.registration.document import registration_document
from idp.deliveries.queue import QueuedDelivery, newest_deliveries, repeat_delivery
from idp.directory.institutions import list_institutions
from kernel.errors import NotFound


class ApplicationDocument(Document):
    """An application."""

    client_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])
    name: str = Field(examples=["Portal de trámites"])
    institution_ruc: str | None = Field(examples=["1768152560001"])
    environment: Environment
    active: bool
    created_at: datetime
    registration: dict[str, Any] = Field(
        examples=[{"client_name": "Portal de trámites", "grant_types": ["authorization_code"]}],
        description="By the registered names of its metadata (OpenID Connect Dynamic Client Registration).",
    )


class DeliveryDocument(Document):
    """What waits to be delivered to an application, or was given up."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XE"])
    kind: str = Field(examples=["idp.backchannel_logout"])
    client_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])
    host: str = Field(examples=["portal.gob.ec"])
    attempts: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    given_up_at: datetime | None


def list_all(call: Call) -> list[Document]:
    """Return the applications that the caller's roles reach."""
    rucs = {each.id: each.ruc for each in list_institutions(call.session)}
    found = applications_reached(call.session, call.caller.powers, Permission.CLIENTS_READ)
    return [application_document(each, rucs.get(each.institution_id or "")) for each in found]


def show(call: Call) -> Document:
    """Return one. :raises NotFound: for one out of reach too."""
    try:
        client = application_reached(call.session, call.caller.powers, Permission.CLIENTS_READ, call.path["client_id"])
    except NotFound as error:
        raise NotFound("There is no such application.", code="unknown_client") from error
    owner = owner_of(call.session, client)
    return application_document(client, owner.ruc if owner else None)


def list_queue(call: Call) -> Lines:
    """Return a page of the deliveries that are not done, newest first."""
    kinds, limit = tuple(idp.jobs.deliveries(call.services.idp)), call.wanted.limit
    found = newest_deliveries(call.session, kinds=kinds, limit=limit + 1, before=call.wanted.after or "")
    return Lines([_delivery(each) for each in found[:limit]], found[limit - 1].id if len(found) > limit else "")


def repeat(call: Call) -> Document:
    """Try a delivery again now."""
    return _delivery(
        repeat_delivery(
            call.session,
            journal=call.services.journal,
            delivery_id=call.path["delivery_id"],
            kinds=tuple(idp.jobs.deliveries(call.services.idp)),
            actor=call.caller.actor,
            now=call.now,
        )
    )


def _delivery(found: QueuedDelivery) -> DeliveryDocument:
    return DeliveryDocument(
        id=found.id,
        kind=found.kind,
        client_id=found.client_id,
        host=found.host,
        attempts=found.attempts,
        last_error=found.last_error,
        created_at=found.created_at,
        next_attempt_at=found.next_attempt_at,
        given_up_at=found.given_up_at,
    )


def application_document(client: Client, institution_ruc: str | None) -> ApplicationDocument:
    """Return an application as it is answered."""
    return ApplicationDocument(
        client_id=client.client_id,
        name=client.name,
        institution_ruc=institution_ruc,
        environment=client.environment,
        active=client.active,
        created_at=client.created_at,
        registration=registration_document(client),
    )


OPERATIONS = (
    Operation(
        name="list_applications",
        path="/applications",
        summary="Relying applications.",
        permission=Permission.CLIENTS_READ,
        item=ApplicationDocument,
        handler=list_all,
        key="client_id",
        pages=("admin_applications.show_all",),
    ),
    Operation(
        name="show_application",
        path="/applications/{client_id}",
        summary="One application, by its registered metadata.",
        permission=Permission.CLIENTS_READ,
        item=ApplicationDocument,
        handler=show,
        pages=("admin_applications.show",),
    ),
    Operation(
        name="list_deliveries",
        path="/deliveries",
        summary="What waits to be delivered to applications, or was given up, newest first.",
        permission=Permission.DELIVERIES_READ,
        item=DeliveryDocument,
        handler=list_queue,
        key="id",
        paged=True,
        pages=("admin_deliveries.show_all",),
    ),
    Operation(
        name="repeat_delivery",
        path="/deliveries/{delivery_id}/repeat",
        summary="Try a delivery again now, with all its attempts before it again.",
        permission=Permission.DELIVERIES_REPEAT,
        item=DeliveryDocument,
        handler=repeat,
        method="POST",
        pages=("admin_deliveries.repeat",),
    ),
)
