"""Where each person logged in from last, to be held against where the next login comes from."""

from __future__ import annotations

import hmac
import ipaddress
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.person import Person
from idp.authentication.device import describe_device
from idp.authentication.geography import locate
from idp.authentication.model import LoginPlaceRow
from idp.authentication.unlikely import LoginPlace, why_unlikely
from idp.notices.notify import notify_everywhere
from idp.services import IdpServices
from kernel.origin import current_origin
from keys.sealing import derive_secret


def look_at_place(
    session: Session, *, services: IdpServices, person: Person, sid: str, known_device: bool, now: datetime
) -> None:
    """Note where this login comes from; where the last one makes it unlikely, put that on record and tell the person.

    It changes nothing about the login itself: a mistake of ours must keep nobody out.
    """
    origin = current_origin()
    if not origin.address:
        return
    here = LoginPlace(
        at=now,
        network=_network(services, origin.address),
        device=describe_device(origin.user_agent),
        point=locate(services.settings.geoip_file, origin.address),
    )
    row = session.get(LoginPlaceRow, person.id)
    why = why_unlikely(_as_place(row), here, known_device=known_device) if row is not None else None
    latitude, longitude = here.point or (None, None)
    session.merge(
        LoginPlaceRow(
            person_id=person.id,
            network_hmac=here.network,
            device=here.device,
            latitude=latitude,
            longitude=longitude,
            occurred_at=now,
        )
    )
    if why is None:
        return
    event = Event(type=EventType.LOGIN_UNLIKELY, subject=person.id, session_id=sid, details={"why": why})
    services.journal.record(session, event, now=now)
    notify_everywhere(
        session,
        services=services,
        person=person,
        template="unlikely_login",
        context={"device": here.device, "address": origin.address},
        now=now,
    )


def forget_place(session: Session, *, person_id: str) -> None:
    """Forget where the person logged in from: with the person."""
    session.execute(delete(LoginPlaceRow).where(LoginPlaceRow.person_id == person_id))


def _network(services: IdpServices, text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        wide = text
    else:
        wide = str(ipaddress.ip_network(f"{address}/{16 if address.version == 4 else 32}", strict=False))
    return hmac.digest(derive_secret(services.sealing_secret, "login-place"), wide.encode(), "sha256").hex()


def _as_place(row: LoginPlaceRow) -> LoginPlace:
    known = row.latitude is not None and row.longitude is not None
    point = (float(row.latitude or 0), float(row.longitude or 0)) if known else None
    return LoginPlace(at=row.occurred_at, network=row.network_hmac, device=row.device, point=point)
