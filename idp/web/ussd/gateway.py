"""Where the network operator's gateway brings what people type on their telephones (docs/ussd.md)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, request

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.phone import parse_phone
from idp.ussd.dialogue import Dialled, after_wrong_pin, go_on
from idp.ussd.gateway import read_gateway_secret
from idp.ussd.pin import WrongPinError
from idp.ussd.screens import Screen, screen
from idp.web.access import present, services
from kernel.errors import AlreadyConsumed, Conflict, Denied, NotFound, Rejected, ServiceError, Throttled
from kernel.origin import current_origin
from kernel.settings import IpNetwork
from web.client_address import is_in
from web.csrf import exempt
from web.json_body import json_body
from web.rate_limit import limit
from web.refusals import may_record

blueprint = Blueprint("ussd", __name__)
_NAMES = {
    "session": ("sessionId", "session_id", "sessionID"),
    "phone": ("phoneNumber", "phone_number", "msisdn"),
    "text": ("text", "input", "ussdString"),
}
_LONGEST = 200


@blueprint.post("/ussd")
@exempt
@limit("6000 per minute")
def take() -> Response:
    """Take a key and answer the next screen: ``CON`` and a text that waits for a key, or ``END`` and the last one.

    A number that is none of ours is answered like one that nothing waits for.
    """
    try:
        _require_gateway()
        dialled = _read()
    except (Denied, Rejected) as error:
        _record(error)
        raise
    now = present()
    try:
        with services().database.transaction() as session:
            shown = go_on(session, services=services(), dialled=dialled, now=now)
    except (WrongPinError, Throttled) as error:
        with services().database.reading() as session:
            shown = after_wrong_pin(session, services=services(), dialled=dialled, error=error)
    except (AlreadyConsumed, Conflict):  # another answer was first
        shown = screen("over", locale="es")
    return _answer(shown)


def _require_gateway() -> None:
    """The secret and the network, both; an installation without the channel has no such address."""
    settings = services().settings
    if not settings.ussd_code or settings.ussd_secret_file is None:
        raise NotFound("There is no such page.", code="not_found")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = read_gateway_secret(settings.ussd_secret_file)
    fits = hmac.compare_digest(known.encode(), token.strip().encode())
    if scheme.lower() != "bearer" or not fits or not _is_from(settings.ussd_networks):
        raise Denied("This is for the gateway alone.", code="not_the_gateway")


def _is_from(networks: Sequence[IpNetwork]) -> bool:
    try:
        address = ip_address(current_origin().address)
    except ValueError:
        return False
    return is_in(getattr(address, "ipv4_mapped", None) or address, networks)


def _read() -> Dialled:
    fields: Any = json_body() if request.is_json else request.form
    if not isinstance(fields, Mapping):
        raise Rejected("A form or a JSON object.", code="bad_ussd_request")
    found = {
        name: next((str(fields[given]) for given in given_names if fields.get(given) is not None), "")[:_LONGEST]
        for name, given_names in _NAMES.items()
    }
    if not found["session"]:
        raise Rejected("The session is missing.", code="bad_ussd_request")
    countries = services().settings.sms_countries
    number = found["phone"].strip()
    phone = parse_phone(number if number.startswith("+") else f"+{number}", countries=countries)
    return Dialled(session=found["session"], phone=phone, text=found["text"])


def _record(error: ServiceError) -> None:
    if not may_record(EventType.USSD_REFUSED.value):
        return
    event = Event(type=EventType.USSD_REFUSED, outcome=Outcome.REFUSED, reason=error.code)
    with services().database.transaction() as session:
        services().journal.record(session, event, now=present())


def _answer(shown: Screen) -> Response:
    text = f"{'END' if shown.ends else 'CON'} {shown.text}"
    return Response(text, 200, {"Cache-Control": "no-store"}, mimetype="text/plain")
