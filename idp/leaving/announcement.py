"""The one place that hears of a session's end, whatever its reason, and queues what applications are told of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.deliveries.queue import queue_delivery
from idp.events.announcement import announce_to
from idp.leaving.participants import participants
from idp.protocol.security_event import session_revoked
from idp.tokens.model import TokenFamilyRow

BACKCHANNEL_LOGOUT_TASK = "idp.backchannel_logout"


def announce_end(session: Session, *, sid: str, person_id: str, reason: str, event_id: str, now: datetime) -> None:
    """Queue to every participant what it registered for, a logout notice, a security event or both.

    Called where the session's row is ended, and nowhere else: so no reason for its end can be forgotten, and no notice
    leaves for an end that was rolled back.

    :param event_id: of the record of the end.
    """
    clients = participants(session, sid=sid)
    if reason != "expired":  # CAEP §3.1: ended before its time
        event = session_revoked(sid=sid, reason=reason, now=now)
        announce_to(session, event, clients=clients, person_id=person_id, event_id=event_id, now=now)
    for client in clients:
        _tell_logout(session, client, sid=sid, person_id=person_id, now=now)


def announce_disconnection(session: Session, *, person_id: str, client: Client, now: datetime) -> None:
    """Queue to an application that the person disconnected what it would be told at the end of each session it is in.

    Call it before its tokens are revoked. The sessions go on: other applications have no part in this.
    """
    sids = session.scalars(
        select(TokenFamilyRow.sid)
        .where(
            TokenFamilyRow.person_id == person_id,
            TokenFamilyRow.client_id == client.client_id,
            TokenFamilyRow.sid.is_not(None),
            TokenFamilyRow.revoked_at.is_(None),
        )
        .distinct()
    )
    for sid in sids:
        _tell_logout(session, client, sid=str(sid), person_id=person_id, now=now)


def _tell_logout(session: Session, client: Client, *, sid: str, person_id: str, now: datetime) -> None:
    uri = client.metadata.backchannel_logout_uri
    if uri is not None:
        queue_delivery(
            session,
            kind=BACKCHANNEL_LOGOUT_TASK,
            client_id=client.client_id,
            url=uri,
            payload={},
            person_id=person_id,
            sid=sid,
            now=now,
        )
