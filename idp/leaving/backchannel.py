"""Logout tokens on their way to applications (OpenID Connect Back-Channel Logout 1.0 §2.5)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from idp.clients.client import find_client
from idp.deliveries.delivery import Compose, Message
from idp.deliveries.names import told_name
from idp.protocol.logout_token import TYPE, logout_token_claims
from idp.services import IdpServices
from idp.tokens.protection import id_token_protection, protect
from idp.tokens.session_name import sid_for
from idp.tokens.subject import subject_for
from kernel.errors import NotFound
from kernel.outbox import Task


def logout_notice(services: IdpServices) -> Compose:
    """Return what makes the request to an application's ``backchannel_logout_uri``, at each attempt anew."""

    def compose(session: Session, task: Task, now: datetime) -> Message | None:
        try:
            client = find_client(session, task.payload["client_id"])
        except NotFound:
            return None
        uri = client.metadata.backchannel_logout_uri
        if not client.active or uri is None:
            return None
        claims = logout_token_claims(
            issuer=services.settings.issuer,
            audience=client.client_id,
            subject=subject_for(services, client, task.payload["person_id"]),
            sid=sid_for(services, client.client_id, task.payload["sid"]),
            jti=told_name(services, client.client_id, task.id),
            now=now,
        )
        # §2.4: signed, and encrypted, as the application's ID tokens are.
        token = protect(
            session,
            services,
            client=client,
            claims=claims,
            typ=TYPE,
            protection=id_token_protection(client),
            now=now,
        )
        body = urlencode({"logout_token": token}).encode("ascii")
        return Message(url=uri, body=body, media_type="application/x-www-form-urlencoded")

    return compose
