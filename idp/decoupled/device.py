"""Device authorization: a television or kiosk asks, and shows a code to type elsewhere (RFC 8628 §3.1, §3.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.clients.policy import DEVICE_CODE
from idp.decoupled.asked import Asked
from idp.decoupled.request import write_request
from idp.protocol.errors import TokenError
from idp.protocol.parameters import Parameters
from idp.protocol.polling import INTERVAL
from idp.protocol.user_code import written_user_code
from idp.services import IdpServices

# Enough to fetch a telephone and log in; RFC 8628 §6.1 counts on it for how hard codes are to guess.
LIFETIME = timedelta(minutes=10)
VERIFICATION_PATH = "/device"


def request_device_authorization(
    session: Session, *, services: IdpServices, client: Client, form: Parameters, now: datetime
) -> dict[str, Any]:
    """Return the device authorization response for an authenticated (or public) client.

    :raises TokenError: ``unauthorized_client``, ``invalid_scope``, ``invalid_target``; on record.
    """
    try:
        if DEVICE_CODE not in client.grant_types:
            raise TokenError("unauthorized_client", "This client is not registered for the device flow.")
        asked = Asked.read(form, client=client, services=services)
    except TokenError as error:
        event = Event(
            type=EventType.DEVICE_REFUSED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=client.client_id,
            client_id=client.client_id,
        )
        services.journal.refuse(session, event, error, now=now)
    written = write_request(
        session,
        services,
        grant_type=DEVICE_CODE,
        client_id=client.client_id,
        person_id=None,
        scopes=asked.scopes,
        terms=asked.terms,
        required_acr=asked.required_acr,
        lifetime=LIFETIME,
        with_user_code=True,
        now=now,
    )
    event = Event(
        type=EventType.DEVICE_REQUESTED,
        actor=client.client_id,
        client_id=client.client_id,
        object_id=written.id,
        details={
            "scopes": list(asked.scopes),
            "resources": list(asked.terms.resources),
            "required_acr": asked.required_acr,
        },
    )
    services.journal.record(session, event, now=now)
    address, shown = f"{services.settings.issuer}{VERIFICATION_PATH}", written_user_code(written.user_code or "")
    return {
        "device_code": written.secret,
        "user_code": shown,
        "verification_uri": address,
        "verification_uri_complete": f"{address}?user_code={shown}",
        "expires_in": int(LIFETIME.total_seconds()),
        "interval": INTERVAL,
    }
