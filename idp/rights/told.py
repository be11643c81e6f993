"""What an application hears when somebody's rights in it change (CAEP 1.0 §3.2, token-claims-change)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import find_client
from idp.consent.consent import find_consent
from idp.events.announcement import announce_to
from idp.protocol.security_event import token_claims_change


def tell_application(session: Session, *, event_id: str, client_id: str, person_id: str, now: datetime) -> None:
    """Queue the event to the application, if it asked for the kind and the person uses it.

    It names no right: the application asks again, by refresh, introspection or the decision API.

    :param event_id: of the record of the change.
    """
    client = find_client(session, client_id)
    if not client.active or find_consent(session, person_id=person_id, client_id=client_id) is None:
        return
    event = token_claims_change(names=("roles", "permissions"), now=now)
    announce_to(session, event, clients=[client], person_id=person_id, event_id=event_id, now=now)
