"""An application goes to production: what is checked, who asks, and somebody else who agrees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from admin.applications.contacts import confirmed_contacts
from admin.applications.deciding import require_another_decider
from admin.applications.registered import document_digest
from admin.model import GoLiveRequest
from audit.event import Event
from audit.journal import Journal
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client, client_value, hold_client
from idp.clients.environment import Environment
from idp.clients.history import PLACED, described, note_change
from idp.clients.model import ClientRow
from idp.clients.policy import REFRESH_TOKEN
from idp.clients.registration.uris import require_https_uri
from kernel.errors import Conflict, Denied, NotFound, Rejected
from kernel.identifiers import new_id

#: What a person affirms, for no machine sees it.
AFFIRMED = ("minimum", "secrets", "support")
REASON_LIMIT = 300
RECENT = timedelta(days=30)


@dataclass(frozen=True)
class Check:
    """One line of the checklist. :ivar code: what is checked; the pages have its words."""

    code: str
    passed: bool


def checklist(session: Session, client: Client, *, now: datetime) -> list[Check]:
    """Return what the service checks by itself before an application may ask for production.

    What must have happened in the sandbox happened in the last :data:`RECENT` days: an older version is no proof.
    """
    found = [
        Check("contacts", bool(confirmed_contacts(session, client))),
        Check("policy", client.metadata.policy_uri is not None),
        Check("institution", client.institution_id is not None),
    ]
    if not client.redirect_uris:
        return found
    addresses = (*client.redirect_uris, *client.post_logout_redirect_uris)
    ways_out = (
        client.post_logout_redirect_uris,
        client.metadata.backchannel_logout_uri,
        client.metadata.frontchannel_logout_uri,
    )
    return [
        Check("addresses", all(_is_public(uri, native=client.application_type == "native") for uri in addresses)),
        Check("leaving", any(ways_out)),
        *found,
        Check("tried", _happened(session, client, EventType.TOKEN_ISSUED, now=now)),
        Check("left", _happened(session, client, EventType.LOGOUT_REQUESTED, now=now)),
        # Access without the person is for who uses it.
        *(
            [Check("renewed", _happened(session, client, EventType.TOKEN_REFRESHED, now=now))]
            if REFRESH_TOKEN in client.grant_types
            else []
        ),
    ]


def open_request(session: Session, client_id: str) -> GoLiveRequest | None:
    """Return the request that waits for a decision, if there is one."""
    return session.scalar(
        select(GoLiveRequest).where(GoLiveRequest.client_id == client_id, GoLiveRequest.decided_at.is_(None))
    )


def last_refusal(session: Session, client_id: str) -> GoLiveRequest | None:
    """Return the last decision, if it was a refusal: its reason says what to mend."""
    last = session.scalar(
        select(GoLiveRequest)
        .where(GoLiveRequest.client_id == client_id, GoLiveRequest.decided_at.is_not(None))
        .order_by(GoLiveRequest.decided_at.desc(), GoLiveRequest.id.desc())
        .limit(1)
    )
    return last if last is not None and not last.approved and last.reason else None


def waiting_requests(session: Session) -> dict[str, str]:
    """Return who asked, by the identifier of each application that waits to go to production."""
    rows = select(GoLiveRequest.client_id, GoLiveRequest.asked_by).where(GoLiveRequest.decided_at.is_(None))
    return {row.client_id: row.asked_by for row in session.execute(rows)}


def ask_go_live(
    session: Session, *, journal: Journal, client: Client, affirmed: Collection[str], actor: str, now: datetime
) -> GoLiveRequest:
    """Ask that an application of a sandbox go to production; the caller saw that ``actor`` looks after it.

    :raises Conflict: ``already_live``, ``go_live_waits``.
    :raises Rejected: ``go_live_not_ready`` (a check fails), ``not_affirmed``.
    """
    if client.environment is Environment.PRODUCTION:
        raise Conflict("This application is in production.", code="already_live")
    if not all(check.passed for check in checklist(session, client, now=now)):
        raise Rejected("Something on the list is not done.", code="go_live_not_ready")
    if not set(AFFIRMED) <= set(affirmed):
        raise Rejected("Affirm everything on the list.", code="not_affirmed")
    row = GoLiveRequest(
        id=new_id(), client_id=client.client_id, document_sha256=document_digest(client), asked_by=actor, asked_at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("Somebody asked already.", code="go_live_waits") from error
    event = Event(
        type=EventType.GO_LIVE_ASKED,
        actor=actor,
        client_id=client.client_id,
        object_id=row.id,
        details={"document_sha256": row.document_sha256, "affirmed": sorted(AFFIRMED)},
    )
    journal.record(session, event, now=now)
    return row


def decide_go_live(
    session: Session,
    *,
    journal: Journal,
    client_id: str,
    approve: bool,
    reason: str,
    seen_sha256: str,
    actor: str,
    now: datetime,
) -> None:
    """Let an application into production, or refuse it with a reason. One decision counts.

    :param seen_sha256: the digest of what the approver looked at.
    :raises NotFound: (``nothing_waits``). :raises Denied: (``own_go_live``) on record: nobody approves what he asked.
    :raises Rejected: (``reason_missing``, ``reason_long``) a refusal says why.
    :raises Conflict: (``application_changed``) it is not what was asked for, or not what was seen.
    """
    before = hold_client(session, client_id)
    waiting = open_request(session, client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    kind = EventType.APPLICATION_WENT_LIVE if approve else EventType.GO_LIVE_REFUSED
    require_another_decider(
        session,
        journal=journal,
        kind=EventType.GO_LIVE_REFUSED,
        own=Denied("Somebody else decides what you asked for.", code="own_go_live"),
        asked_by=waiting.asked_by,
        client_id=client_id,
        about=waiting.id,
        actor=actor,
        now=now,
    )
    if not approve and not reason:
        raise Rejected("Say why.", code="reason_missing")
    if len(reason) > REASON_LIMIT:
        raise Rejected("The reason is too long.", code="reason_long")
    if approve and not document_digest(before) == waiting.document_sha256 == seen_sha256:
        raise Conflict("It changed since it was asked for.", code="application_changed")
    _end(session, waiting, approved=approve, reason=reason, actor=actor, now=now)
    if approve:
        row = session.scalars(
            update(ClientRow)
            .where(ClientRow.client_id == client_id)
            .values(environment=Environment.PRODUCTION.value, version=ClientRow.version + 1, updated_at=now)
            .returning(ClientRow)
            .execution_options(populate_existing=True)
        ).one()
        note_change(
            session,
            kind=PLACED,
            before=described(before),
            after=client_value(row),
            changed_by=waiting.asked_by,
            approved_by=actor,
            now=now,
        )
    event = Event(
        type=kind,
        actor=actor,
        client_id=client_id,
        object_id=waiting.id,
        details={"document_sha256": waiting.document_sha256, "asked_by": waiting.asked_by}
        | ({"reason": reason} if reason else {}),
    )
    journal.record(session, event, now=now)


def withdraw_go_live(session: Session, *, journal: Journal, client_id: str, actor: str, now: datetime) -> None:
    """Take the request back; the caller saw that ``actor`` looks after the application.

    :raises NotFound: (``nothing_waits``).
    """
    waiting = open_request(session, client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    _end(session, waiting, approved=False, reason="", actor=actor, now=now)
    event = Event(type=EventType.GO_LIVE_WITHDRAWN, actor=actor, client_id=client_id, object_id=waiting.id)
    journal.record(session, event, now=now)


def ask_go_live_anew(session: Session, *, journal: Journal, client: Client, actor: str, now: datetime) -> GoLiveRequest:
    """Ask again, with what is registered now, in place of a request whose application changed since.

    What was affirmed is affirmed by ``actor`` now: the page says so beside the button.

    :raises NotFound: (``nothing_waits``). :raises Conflict: (``request_current``) it can be decided as it is.
    :raises Rejected: as :func:`ask_go_live`.
    """
    client = hold_client(session, client.client_id)
    waiting = open_request(session, client.client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    if waiting.document_sha256 == document_digest(client):
        raise Conflict("It can be decided as it is.", code="request_current")
    withdraw_go_live(session, journal=journal, client_id=client.client_id, actor=actor, now=now)
    return ask_go_live(session, journal=journal, client=client, affirmed=AFFIRMED, actor=actor, now=now)


def _end(session: Session, row: GoLiveRequest, *, approved: bool, reason: str, actor: str, now: datetime) -> None:
    """:raises NotFound: (``nothing_waits``) somebody else was first."""
    decided = session.execute(
        update(GoLiveRequest)
        .where(GoLiveRequest.id == row.id, GoLiveRequest.decided_at.is_(None))
        .values(approved=approved, reason=reason or None, decided_by=actor, decided_at=now)
        .returning(GoLiveRequest.id)
    ).one_or_none()
    if decided is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")


def _is_public(uri: str, *, native: bool) -> bool:
    if native:  # its addresses are on the person's own device (RFC 8252 §7)
        return True
    try:
        require_https_uri(uri, "redirect_uris")
    except Rejected:
        return False
    host = urlsplit(uri).hostname or ""
    try:
        return ip_address(host).is_global
    except ValueError:
        return host != "localhost" and not host.endswith((".localhost", ".test", ".invalid"))


def _happened(session: Session, client: Client, kind: EventType, *, now: datetime) -> bool:
    """Tell whether this happened there lately: in a sandbox little happens, so the index by application is short."""
    found = select(AuditEvent.id).where(
        AuditEvent.client_id == client.client_id,
        AuditEvent.type == kind.value,
        AuditEvent.outcome == Outcome.SUCCESS.value,
        AuditEvent.occurred_at >= now - RECENT,
    )
    return session.scalar(found.limit(1)) is not None
