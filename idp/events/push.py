"""Security event tokens on their way (RFC 8935)."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client, find_client
from idp.clients.event_authorization import find_event_authorization
from idp.deliveries.delivery import Compose, Message
from idp.deliveries.names import told_name
from idp.protocol.security_event import MEDIA_TYPE, TYPE, SecurityEvent, security_event_claims
from idp.services import IdpServices
from idp.tokens.protection import id_token_protection, protect
from idp.tokens.session_name import sid_for
from idp.tokens.subject import subject_for
from kernel.errors import NotFound
from kernel.outbox import Task


def event_push(services: IdpServices) -> Compose:
    """Return what makes the request to an application's ``event_delivery_uri``, at each attempt anew.

    Answers are judged as those of any delivery: 202 is what RFC 8935 §2.2 asks for, 400 (§2.3) is final.
    """

    def compose(session: Session, task: Task, now: datetime) -> Message | None:
        payload = task.payload
        try:
            client = find_client(session, payload["client_id"])
        except NotFound:
            return None
        uri = client.metadata.event_delivery_uri
        if not client.active or uri is None or payload["type"] not in client.metadata.events_requested:
            return None
        claims = security_event_claims(
            SecurityEvent(payload["type"], json.loads(payload["members"]), _named(services, client, payload["sid"])),
            issuer=services.settings.issuer,
            audience=client.client_id,
            subject=subject_for(services, client, payload["person_id"]),
            jti=told_name(services, client.client_id, task.id),
            txn=told_name(services, client.client_id, payload["txn"]),
            now=now,
        )
        token = protect(
            session,
            services,
            client=client,
            claims=claims,
            typ=TYPE,
            protection=id_token_protection(client),
            now=now,
        )
        shown = find_event_authorization(session, client_id=client.client_id, sealing_secret=services.sealing_secret)
        headers = {"Authorization": shown.reveal()} if shown else {}
        return Message(url=uri, body=token.encode("ascii"), media_type=MEDIA_TYPE, headers=headers)

    return compose


def _named(services: IdpServices, client: Client, sid: str | None) -> str | None:
    return None if sid is None else sid_for(services, client.client_id, sid)
