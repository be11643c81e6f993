"""Who is told of an event: applications that asked for its kind, and only about people who use them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import Client, client_value
from idp.clients.model import ClientRow
from idp.consent.model import ConsentRow
from idp.deliveries.queue import queue_delivery
from idp.protocol.security_event import SecurityEvent

SECURITY_EVENT_TASK = "idp.security_event"


def announce_to_services(
    session: Session, event: SecurityEvent, *, person_id: str, event_id: str, now: datetime
) -> None:
    """Queue ``event`` to the applications that the person has allowed to know him, in the caller's transaction.

    :param event_id: of the record that the same transaction writes.
    """
    allowed = select(ConsentRow.client_id).where(ConsentRow.person_id == person_id, ConsentRow.withdrawn_at.is_(None))
    rows = session.scalars(
        select(ClientRow)
        .where(ClientRow.client_id.in_(allowed), ClientRow.status == "active")
        .order_by(ClientRow.client_id)
    )
    announce_to(session, event, clients=map(client_value, rows), person_id=person_id, event_id=event_id, now=now)


def announce_to(
    session: Session, event: SecurityEvent, *, clients: Iterable[Client], person_id: str, event_id: str, now: datetime
) -> None:
    """Queue ``event`` to those of ``clients`` that receive its kind."""
    for client in clients:
        uri = client.metadata.event_delivery_uri
        if uri is None or event.type not in client.metadata.events_requested:
            continue
        queue_delivery(
            session,
            kind=SECURITY_EVENT_TASK,
            client_id=client.client_id,
            url=uri,
            payload={"type": event.type, "members": json.dumps(event.members), "txn": event_id},
            person_id=person_id,
            sid=event.sid,
            now=now,
        )
