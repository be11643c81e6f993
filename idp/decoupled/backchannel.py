"""Backchannel authentication: an application asks a person whom it knows to approve on a device of his own (CIBA)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.clients.policy import CIBA
from idp.clients.registration.backchannel import PING
from idp.decoupled.approval_channel import CHANNELS
from idp.decoupled.asked import Asked
from idp.decoupled.fatigue import reason_to_mute, require_few_requests
from idp.decoupled.hint import hinted_person
from idp.decoupled.request import write_request
from idp.decoupled.signed_request import request_parameters
from idp.directory.institutions import find_institution
from idp.protocol.backchannel_request import BackchannelRequest
from idp.protocol.errors import TokenError
from idp.protocol.parameters import Parameters
from idp.protocol.polling import INTERVAL
from idp.services import IdpServices
from kernel.errors import ServiceError, Throttled


def request_backchannel_authentication(
    session: Session, *, services: IdpServices, client: Client, form: Parameters, now: datetime
) -> dict[str, Any]:
    """Return the acknowledgement (CIBA Core §7.3) for an authenticated client, whoever the hint fits.

    :raises TokenError: ``unauthorized_client``, ``invalid_request``, ``invalid_scope``, ``invalid_target``,
        ``invalid_binding_message``; on record. :raises Throttled: too many requests with this hint; on record.
    """
    try:
        if CIBA not in client.grant_types or client.is_public:
            raise TokenError("unauthorized_client", "This client is not registered for backchannel authentication.")
        parameters = request_parameters(session, services=services, client=client, form=form, now=now)
        parameters.require_each_once()
        asked = Asked.read(parameters, client=client, services=services)
        ping = client.metadata.backchannel_token_delivery_mode == PING
        request = BackchannelRequest.parse(parameters, ping=ping)
        person = hinted_person(session, services, client=client, request=request)
        require_few_requests(session, services, client_id=client.client_id, hint=request.hint, now=now)
    except (TokenError, Throttled) as error:
        _refuse(session, services, client, error, now=now)
    person_id = person.id if person else None
    muted = reason_to_mute(session, services, person_id=person_id, client_id=client.client_id, now=now)
    written = write_request(
        session,
        services,
        grant_type=CIBA,
        client_id=client.client_id,
        person_id=person_id,
        scopes=asked.scopes,
        terms=asked.terms,
        required_acr=asked.required_acr,
        lifetime=request.lifetime,
        binding_message=request.binding_message,
        notification_token=request.notification_token,
        muted=bool(muted),
        now=now,
    )
    event = Event(
        type=EventType.BACKCHANNEL_MUTED if muted else EventType.BACKCHANNEL_REQUESTED,
        outcome=Outcome.REFUSED if muted else Outcome.SUCCESS,
        reason=muted,
        subject=person_id,
        actor=client.client_id,
        client_id=client.client_id,
        object_id=written.id,
        details={
            "scopes": list(asked.scopes),
            "resources": list(asked.terms.resources),
            "required_acr": asked.required_acr,
            "hint": request.hint_kind,
            "signed": form.get("request") is not None,
        },
        # What the application says about a person's business is the person's own; of nobody's nothing is kept.
        private={"binding_message": request.binding_message} if person and request.binding_message else {},
    )
    services.journal.record(session, event, now=now)
    institution = find_institution(session, client.institution_id).name if client.institution_id else ""
    asker = f"{client.name} ({institution})" if institution else client.name
    for channel in CHANNELS:
        channel.announce(
            session,
            services,
            person=None if muted else person,
            asker=asker,
            required_acr=asked.required_acr,
            now=now,
        )
    return {
        "auth_req_id": written.secret,
        "expires_in": int(request.lifetime.total_seconds()),
        "interval": INTERVAL,
    }


def _refuse(session: Session, services: IdpServices, client: Client, error: ServiceError, *, now: datetime) -> NoReturn:
    event = Event(
        type=EventType.BACKCHANNEL_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=client.client_id,
        client_id=client.client_id,
    )
    services.journal.refuse(session, event, error, now=now)
