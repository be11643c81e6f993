"""What a person's account did lately, from the evidence; and saying that one did not do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.authentication.browser_session import end_sessions_of
from idp.authentication.known_device import forget_devices
from idp.services import IdpServices
from kernel.errors import NotFound

# What people understand and can judge; the rest is for auditors.
SHOWN = (
    EventType.ACCOUNT_CREATED,
    EventType.ACCOUNT_UPDATED,
    EventType.PASSWORD_SET,
    EventType.PASSWORD_RESET_REQUESTED,
    EventType.PASSWORD_VERIFIED,
    EventType.TOTP_VERIFIED,
    EventType.TOTP_ENROLLED,
    EventType.TOTP_REMOVED,
    EventType.RECOVERY_CODES_ISSUED,
    EventType.RECOVERY_CODE_VERIFIED,
    EventType.LOGIN_THROTTLED,
    EventType.SESSION_STARTED,
    EventType.SESSION_ENDED,
    EventType.CONSENT_GRANTED,
    EventType.CONSENT_WITHDRAWN,
    EventType.AUTHORIZATION_GRANTED,
    EventType.ACTIVITY_DISOWNED,
)
# A success of these is told by SESSION_STARTED.
_FAILURES_ONLY = (EventType.PASSWORD_VERIFIED, EventType.TOTP_VERIFIED)


@dataclass(frozen=True)
class Activity:
    """One event about a person."""

    id: str
    type: EventType
    outcome: Outcome
    occurred_at: datetime
    client_id: str | None
    session_id: str | None


def list_activity(session: Session, *, person_id: str, limit: int) -> list[Activity]:
    """Return what the account did, newest first."""
    rows = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.subject == person_id,
            AuditEvent.type.in_([kind.value for kind in SHOWN]),
            ~(
                AuditEvent.type.in_([kind.value for kind in _FAILURES_ONLY])
                & (AuditEvent.outcome == Outcome.SUCCESS.value)
            ),
        )
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(limit)
    )
    return [_as_activity(row) for row in rows]


def find_activity(session: Session, *, person_id: str, event_id: str) -> Activity:
    """Return one event about the person. :raises NotFound: (``unknown_activity``), another's events too."""
    row = session.get(AuditEvent, event_id)
    if row is None or row.subject != person_id or row.type not in {kind.value for kind in SHOWN}:
        raise NotFound("There is no such event.", code="unknown_activity")
    return _as_activity(row)


def disown_activity(
    session: Session, *, services: IdpServices, person_id: str, event_id: str, except_sid: str, now: datetime
) -> None:
    """The person says it was not him: other sessions end, devices are forgotten, and it is on record."""
    find_activity(session, person_id=person_id, event_id=event_id)
    services.journal.record(
        session,
        Event(type=EventType.ACTIVITY_DISOWNED, subject=person_id, session_id=except_sid, object_id=event_id),
        now=now,
    )
    end_sessions_of(
        session,
        journal=services.journal,
        person_id=person_id,
        reason="disowned",
        except_sid=except_sid,
        now=now,
    )
    forget_devices(session, person_id=person_id)


def _as_activity(row: AuditEvent) -> Activity:
    return Activity(
        id=row.id,
        type=EventType(row.type),
        outcome=Outcome(row.outcome),
        occurred_at=row.occurred_at,
        client_id=row.client_id,
        session_id=row.session_id,
    )
