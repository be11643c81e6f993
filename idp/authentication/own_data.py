"""What this room keeps about a person, for that person: factors, sessions, devices, and what the evidence says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from audit.search import find_event
from idp.accounts.model import PersonRow
from idp.accounts.my_data import Entry, Section
from idp.authentication.activity import LOOKS
from idp.authentication.factor_list import list_factors
from idp.authentication.model import BrowserSessionRow, KnownDeviceRow, LoginPlaceRow
from idp.authentication.session_places import find_session_addresses
from idp.services import IdpServices

#: More than anyone reads; who has more gets the newest.
MOST_EVENTS = 20_000


def read_factors(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what the person logs in with; never a secret."""
    return [
        {
            "kind": factor.kind,
            "name": factor.name,
            "created_at": factor.created_at,
            "last_used_at": factor.last_used_at,
            "left": factor.left,
        }
        for factor in list_factors(session, person_id)
    ]


def read_sessions(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return the sessions that are kept, ended ones too."""
    rows = session.scalars(
        select(BrowserSessionRow)
        .where(BrowserSessionRow.person_id == person_id)
        .order_by(BrowserSessionRow.created_at.desc(), BrowserSessionRow.id.desc())
    ).all()
    addresses = find_session_addresses(session, services=services, person_id=person_id, sids=[row.sid for row in rows])
    return [
        {
            "device": row.device,
            "address": addresses.get(row.sid),
            "methods": row.amr,
            "created_at": row.created_at,
            "last_seen_at": row.last_seen_at,
            "expires_at": row.expires_at,
            "ended_at": row.ended_at,
            "end_reason": row.end_reason,
        }
        for row in rows
    ]


def read_devices(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return the browsers that are remembered."""
    rows = session.scalars(
        select(KnownDeviceRow)
        .where(KnownDeviceRow.person_id == person_id)
        .order_by(KnownDeviceRow.created_at, KnownDeviceRow.id)
    )
    return [{"created_at": row.created_at, "last_used_at": row.last_used_at} for row in rows]


def read_activity(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return every record about the person, the newest first, those of others' looks left out: they have a section."""
    rows = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject == person_id, AuditEvent.type.not_in([kind.value for kind in LOOKS]))
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(MOST_EVENTS)
    )
    return [_event(session, services, row) for row in rows]


def read_looks(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return who looked at what is kept about the person, and when.

    An official acts in public: he is named. What he wrote as his reason stays with the evidence: it may name others.
    """
    rows = session.execute(
        select(AuditEvent, PersonRow.given_names, PersonRow.surnames)
        .outerjoin(PersonRow, PersonRow.id == AuditEvent.actor)
        .where(
            AuditEvent.subject == person_id,
            AuditEvent.type.in_([kind.value for kind in LOOKS]),
            AuditEvent.actor != person_id,
        )
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(MOST_EVENTS)
    )
    return [
        {
            "id": row.id,
            "occurred_at": row.occurred_at,
            "what": row.type,
            "who": f"{given_names or ''} {surnames or ''}".strip() or row.actor,
        }
        for row, given_names, surnames in rows
    ]


def _event(session: Session, services: IdpServices, row: AuditEvent) -> Entry:
    # Where another acted (an official, an application), what he came with is his own.
    private = {}
    if row.actor == row.subject:
        private = dict(find_event(session, row.id, reveal_with=services.journal.holder_keys).private or {})
    return {
        "id": row.id,
        "occurred_at": row.occurred_at,
        "what": row.type,
        "outcome": row.outcome,
        "reason": row.reason,
        "application": row.client_id,
        "address": private.pop("address", None),
        "browser": private.pop("user_agent", None),
        "more": private,
    }


def read_places(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return where the last login came from, as far as that was worked out."""
    row = session.get(LoginPlaceRow, person_id)
    if row is None:
        return []
    place = None if row.latitude is None else f"{row.latitude}, {row.longitude}"
    return [{"device": row.device, "place": place, "occurred_at": row.occurred_at}]


FACTORS = Section(
    name="factors",
    read=read_factors,
    tables=("idp_password", "idp_totp", "idp_recovery_code", "idp_passkey", "idp_code_factor", "idp_grid_card"),
)
SESSIONS = Section(name="sessions", read=read_sessions, tables=("idp_browser_session",))
DEVICES = Section(name="devices", read=read_devices, tables=("idp_known_device",))
ACTIVITY = Section(name="activity", read=read_activity, tables=())
LOOKED = Section(name="looks", read=read_looks, tables=())
PLACES = Section(name="places", read=read_places, tables=("idp_login_place",))
