"""What a person's account did lately, from the evidence; and saying that one did not do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.model import AuditEvent
from audit.proofs import EntryProof, prove_event
from audit.search import find_event
from audit.signed_log import key_in_use
from audit.vocabulary import EventType, Outcome
from idp.accounts.model import EmailConfirmationRow
from idp.authentication.browser_session import end_sessions_of
from idp.authentication.device import describe_device
from idp.authentication.known_device import forget_devices
from idp.authentication.phone_recovery import drop_phone_recovery
from idp.services import IdpServices
from kernel.errors import NotFound, Unavailable

# What people understand and can judge; the rest is for auditors.
SHOWN = (
    EventType.ACCOUNT_CREATED,
    EventType.ACCOUNT_UPDATED,
    EventType.CONTACT_VERIFIED,
    EventType.PASSWORD_SET,
    EventType.PASSWORD_RESET_REQUESTED,
    EventType.PHONE_RECOVERY_OPENED,
    EventType.USSD_PIN_SET,
    EventType.USSD_PIN_REMOVED,
    EventType.PASSWORD_VERIFIED,
    EventType.TOTP_VERIFIED,
    EventType.CERTIFICATE_VERIFIED,
    EventType.CERTIFICATE_WITHDRAWN,
    EventType.TOTP_ENROLLED,
    EventType.SMS_CODE_ENROLLED,
    EventType.SMS_CODE_REMOVED,
    EventType.SMS_CODE_VERIFIED,
    EventType.EMAIL_CODE_ENROLLED,
    EventType.EMAIL_CODE_REMOVED,
    EventType.EMAIL_CODE_VERIFIED,
    EventType.GRID_CARD_ENROLLED,
    EventType.GRID_CARD_REMOVED,
    EventType.GRID_CARD_VERIFIED,
    EventType.TOTP_REMOVED,
    EventType.PASSKEY_REGISTERED,
    EventType.PASSKEY_REMOVED,
    EventType.PASSKEY_VERIFIED,
    EventType.PASSKEY_FLAGGED,
    EventType.PASSWORD_REMOVED,
    EventType.RECOVERY_CODES_ISSUED,
    EventType.RECOVERY_CODE_VERIFIED,
    EventType.LOGIN_THROTTLED,
    EventType.KNOWN_DEVICE_FORGOTTEN,
    EventType.LOGIN_UNLIKELY,
    EventType.SESSION_STARTED,
    EventType.SESSION_ENDED,
    EventType.CONSENT_GRANTED,
    EventType.CONSENT_WITHDRAWN,
    EventType.AUTHORIZATION_GRANTED,
    EventType.DEVICE_ALLOWED,
    EventType.DEVICE_DENIED,
    EventType.BACKCHANNEL_REQUESTED,
    EventType.BACKCHANNEL_ALLOWED,
    EventType.BACKCHANNEL_DENIED,
    EventType.BACKCHANNEL_DISOWNED,
    EventType.ACTIVITY_DISOWNED,
    EventType.ACCOUNT_IDENTITY_VERIFIED,
    EventType.LEVEL_LOWERED,
    EventType.LEVEL_CHECK_REFUSED,
    EventType.IDENTITY_CHECK_PROPOSED,
    EventType.DESK_RECOVERY_OPENED,
    EventType.DESK_RECOVERY_APPROVED,
    EventType.DESK_RECOVERY_STOPPED,
    EventType.DESK_RECOVERY_ENTERED,
    EventType.DESK_RECOVERY_FINISHED,
    EventType.DESK_RECOVERY_EXPIRED,
    EventType.REPORT_RECHECKED,
    EventType.RECTIFICATION_ASKED,
    EventType.RECTIFICATION_DECIDED,
    EventType.RECTIFICATION_WITHDRAWN,
    EventType.REPORT_CLOSED,
    EventType.PERSON_OPENED,
    EventType.CERTIFICATE_SUSPENDED,
    EventType.CERTIFICATE_RELEASED,
    EventType.DATA_COPY_REQUESTED,
    EventType.DATA_COPY_TAKEN,
    EventType.DELETION_REQUESTED,
    EventType.DELETION_CANCELLED,
    EventType.PERSON_LOOKED_UP,
    EventType.AUDIT_SEARCHED,
)
# Others looked at what is kept about the person: the law lets him know. He cannot have done it himself.
LOOKS = (EventType.PERSON_LOOKED_UP, EventType.PERSON_OPENED, EventType.AUDIT_SEARCHED)
# What a person may have to prove to others: "I logged in there, then".
LOGINS = (EventType.SESSION_STARTED, EventType.AUTHORIZATION_GRANTED)
# A success of these is told by SESSION_STARTED.
_FAILURES_ONLY = (
    EventType.PASSWORD_VERIFIED,
    EventType.TOTP_VERIFIED,
    EventType.PASSKEY_VERIFIED,
    EventType.SMS_CODE_VERIFIED,
    EventType.EMAIL_CODE_VERIFIED,
    EventType.GRID_CARD_VERIFIED,
    EventType.CERTIFICATE_VERIFIED,
)
# Anyone who knows the cédula can cause failures of these, and they open nothing.
_SUCCESSES_ONLY = (EventType.CONTACT_VERIFIED,)


@dataclass(frozen=True)
class Activity:
    """One event about a person.

    :ivar device: what the browser calls itself, in words; empty when it cannot be read.
    :ivar address: where it came from; empty when it was not the person, nor someone in his name (an operator).
    """

    id: str
    type: EventType
    outcome: Outcome
    occurred_at: datetime
    client_id: str | None
    session_id: str | None
    device: str
    address: str

    @property
    def is_login(self) -> bool:
        """Whether it is a login, whose proof the person may take along."""
        return self.type in LOGINS and self.outcome is Outcome.SUCCESS

    @property
    def can_be_disowned(self) -> bool:
        """Whether «no fui yo» makes sense: not where an official looked."""
        return self.type not in LOOKS


@dataclass(frozen=True)
class ActivityFilter:
    """What to show. :ivar types: of events; none: all. :ivar since: inclusive; ``until`` exclusive."""

    types: tuple[EventType, ...] = ()
    only_failures: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class ActivityPage:
    """Events, newest first. :ivar older: what to ask for as ``before`` to get the next page; none on the last."""

    events: tuple[Activity, ...]
    older: str | None


def list_activity(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    limit: int,
    before: str | None = None,
    chosen: ActivityFilter = ActivityFilter(),
) -> ActivityPage:
    """Return what the account did, newest first.

    :param before: id of an event of the person: only what is older.
    :raises NotFound: (``unknown_activity``) if there is no such event.
    """
    succeeded = AuditEvent.outcome == Outcome.SUCCESS.value
    query = select(AuditEvent).where(
        AuditEvent.subject == person_id,
        AuditEvent.type.in_([kind.value for kind in SHOWN]),
        ~(AuditEvent.type.in_([kind.value for kind in _FAILURES_ONLY]) & succeeded),
        ~(AuditEvent.type.in_([kind.value for kind in _SUCCESSES_ONLY]) & ~succeeded),
    )
    if chosen.types:
        query = query.where(AuditEvent.type.in_([kind.value for kind in chosen.types]))
    if chosen.only_failures:
        query = query.where(~succeeded)
    if chosen.since is not None:
        query = query.where(AuditEvent.occurred_at >= chosen.since)
    if chosen.until is not None:
        query = query.where(AuditEvent.occurred_at < chosen.until)
    if before is not None:
        last = _find(session, person_id, before)
        query = query.where(
            (AuditEvent.occurred_at < last.occurred_at)
            | ((AuditEvent.occurred_at == last.occurred_at) & (AuditEvent.id < last.id))
        )
    query = query.order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc()).limit(limit + 1)
    rows = session.scalars(query).all()
    shown = tuple(_as_activity(session, services, row) for row in rows[:limit])
    return ActivityPage(shown, shown[-1].id if len(rows) > limit else None)


def find_activity(session: Session, *, services: IdpServices, person_id: str, event_id: str) -> Activity:
    """Return one event about the person. :raises NotFound: (``unknown_activity``), another's events too."""
    return _as_activity(session, services, _find(session, person_id, event_id))


def prove_login(session: Session, *, services: IdpServices, person_id: str, event_id: str) -> EntryProof:
    """Return the proof that a login of the person is in the log, with the whole record.

    :raises NotFound: (``unknown_activity``), another's and what is no login too.
    :raises Unavailable: (``proof_not_ready``) in the moment before the record has its place.
    """
    row = _find(session, person_id, event_id)
    if row.type not in LOGINS or row.actor != person_id:
        raise NotFound("There is no such login.", code="unknown_activity")
    try:
        return prove_event(session, event_id, log_key=key_in_use(session, services.evidence))
    except NotFound as error:
        raise Unavailable("The record has no place in the log yet.", code="proof_not_ready") from error


def disown_activity(
    session: Session, *, services: IdpServices, person_id: str, event_id: str, except_sid: str, now: datetime
) -> None:
    """The person says it was not him: other sessions end, devices are forgotten, and it is on record."""
    if EventType(_find(session, person_id, event_id).type) in LOOKS:
        raise NotFound("Nobody acted as this person there.", code="unknown_activity")
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
    drop_phone_recovery(session, person_id=person_id)
    session.execute(delete(EmailConfirmationRow).where(EmailConfirmationRow.person_id == person_id))


def _find(session: Session, person_id: str, event_id: str) -> AuditEvent:
    row = session.get(AuditEvent, event_id)
    if row is None or row.subject != person_id or row.type not in {kind.value for kind in SHOWN}:
        raise NotFound("There is no such event.", code="unknown_activity")
    return row


def _as_activity(session: Session, services: IdpServices, row: AuditEvent) -> Activity:
    # The person reads about himself: no search that would have to be on record. An operator's address is his own.
    own = row.actor == row.subject
    view = find_event(session, row.id, reveal_with=services.journal.holder_keys) if own else None
    private = (view.private if view else None) or {}
    return Activity(
        id=row.id,
        type=EventType(row.type),
        outcome=Outcome(row.outcome),
        occurred_at=row.occurred_at,
        client_id=row.client_id,
        session_id=row.session_id,
        device=describe_device(private.get("user_agent", "")),
        address=private.get("address", ""),
    )
