"""Telling an application that a decision waits for it (CIBA Core §10.2)."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client, find_client
from idp.decoupled.model import DecoupledRequestRow
from idp.decoupled.request import DecoupledRequest, notification_sealer
from idp.deliveries.delivery import Compose, Message
from idp.deliveries.queue import queue_delivery
from idp.services import IdpServices
from kernel.errors import NotFound
from kernel.outbox import Task

PING_TASK = "idp.ciba_ping"
_REQUEST = "request"


def queue_ping(session: Session, *, client: Client, request: DecoupledRequest, now: datetime) -> None:
    """Queue the notification of a decision with its transaction, for a client that registered to be notified."""
    url = client.metadata.backchannel_client_notification_endpoint
    if url is not None and request.has_notification:
        queue_delivery(
            session,
            kind=PING_TASK,
            client_id=client.client_id,
            url=url,
            payload={_REQUEST: request.id},
            person_id=request.person_id,
            now=now,
        )


def ping(services: IdpServices) -> Compose:
    """Return what makes the notification at each attempt; none once the request is redeemed or expired.

    The message names the request and nothing else: whoever reads it without the client's keys learns nothing.
    """

    def compose(session: Session, task: Task, now: datetime) -> Message | None:
        row = session.get(DecoupledRequestRow, task.payload[_REQUEST])
        if row is None or row.notification is None or row.redeemed_at is not None or row.expires_at <= now:
            return None
        try:
            client = find_client(session, row.client_id)
        except NotFound:
            return None
        url = client.metadata.backchannel_client_notification_endpoint
        if not client.active or url is None:
            return None
        opened = notification_sealer(services).open(row.notification, bound_to=row.id).decode()
        token, _, auth_req_id = opened.partition("\n")
        return Message(
            url=url,
            body=json.dumps({"auth_req_id": auth_req_id}).encode(),
            media_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    return compose
