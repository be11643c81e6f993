"""An application changes: in its sandbox at once, in production when somebody else has agreed; and the way back.

What was proposed, what the approver saw and what is applied are the same: a proposal keeps the digest of what was
registered and of what it becomes, and both are computed again when it is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from admin.applications.callable import require_callable
from admin.applications.deciding import require_another_decider
from admin.applications.registered import (
    CHANGEABLE,
    CONSEQUENCES,
    client_after,
    digest_of,
    document_digest,
    require_changeable,
)
from admin.model import ApplicationChange
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.clients.change import replace_registration
from idp.clients.client import Client, hold_client
from idp.clients.environment import Environment
from idp.clients.history import Change, list_changes
from idp.clients.register import require_declared_scopes
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.services import IdpServices
from kernel.errors import Conflict, Denied, NotFound, Rejected
from kernel.identifiers import new_id, sha256_hex

REASON_LIMIT = 300
APPLIED, REFUSED, WITHDRAWN = "applied", "refused", "withdrawn"


def change_in_sandbox(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    changes: Mapping[str, Any],
    seen_version: int,
    actor: str,
    now: datetime,
) -> Client:
    """Change what an application of a sandbox registered; the caller saw that ``actor`` looks after it.

    :param changes: members of its registration, None takes one away; the others stay.
    :param seen_version: of what ``actor`` changed: what another wrote meanwhile is not lost.
    :raises Conflict: ``application_live`` (there a change needs an approval), ``application_version``.
    :raises Rejected: ``member_not_changeable``, ``api_outside``; as :meth:`ClientRegistration.parse`.
    """
    require_changeable(changes)
    client = hold_client(session, client.client_id)  # it may be going live at this moment
    if client.environment is not Environment.SANDBOX:
        raise Conflict("This application is in production.", code="application_live")
    if client.version != seen_version:
        raise Conflict("Somebody else changed it meanwhile.", code="application_version")
    return _apply(session, services, client, changes, undoes=None, actor=actor, now=now)


def _apply(
    session: Session,
    services: IdpServices,
    client: Client,
    changes: Mapping[str, Any],
    *,
    undoes: int | None,
    actor: str,
    now: datetime,
) -> Client:
    return replace_registration(
        session,
        journal=services.journal,
        client_id=client.client_id,
        registration=changed_registration(session, client, changes),
        sealing_secret=services.sealing_secret,
        actor=actor,
        undoes=undoes,
        now=now,
    )


def propose_change(
    session: Session,
    *,
    services: IdpServices,
    client: Client,
    changes: Mapping[str, Any],
    why: str,
    seen_version: int,
    actor: str,
    now: datetime,
) -> ApplicationChange:
    """Propose a change of an application in production; the caller saw that ``actor`` looks after it.

    :param changes, seen_version: as :func:`change_in_sandbox` takes them.
    :param why: what the approver reads.
    :raises Conflict: ``application_in_sandbox`` (there nobody has to agree), ``application_version``, ``change_waits``.
    :raises Rejected: ``nothing_changed``, ``why_missing``, ``why_long``; as :func:`change_in_sandbox`.
    """
    require_changeable(changes)
    client = hold_client(session, client.client_id)
    if client.version != seen_version:
        raise Conflict("Somebody else changed it meanwhile.", code="application_version")
    return _propose(session, services, client, changes, why=why, undoes=None, actor=actor, now=now)


def _propose(
    session: Session,
    services: IdpServices,
    client: Client,
    changes: Mapping[str, Any],
    *,
    why: str,
    undoes: int | None,
    actor: str,
    now: datetime,
) -> ApplicationChange:
    if client.environment is not Environment.PRODUCTION:
        raise Conflict("This application is in its sandbox.", code="application_in_sandbox")
    if not why:
        raise Rejected("Say why.", code="why_missing")
    if len(why) > REASON_LIMIT:
        raise Rejected("The reason is too long.", code="why_long")
    standing = registration_document(client)
    wanted = registration_document(client_after(client, changed_registration(session, client, changes)))
    names = [name for name in standing.keys() | wanted.keys() if standing.get(name) != wanted.get(name)]
    if not names:
        raise Rejected("Nothing would change.", code="nothing_changed")
    row = ApplicationChange(
        id=new_id(),
        client_id=client.client_id,
        base_sha256=digest_of(standing),
        wanted_sha256=digest_of(wanted),
        changes={name: wanted.get(name) for name in sorted(names)},
        before={name: standing[name] for name in sorted(names) if name in standing},
        undoes=undoes,
        why=why,
        asked_by=actor,
        asked_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("A change waits already.", code="change_waits") from error
    _record(session, services.journal, EventType.APPLICATION_CHANGE_ASKED, row, actor=actor, now=now)
    return row


def open_change(session: Session, client_id: str) -> ApplicationChange | None:
    """Return the change that waits for a decision, if there is one."""
    return session.scalar(
        select(ApplicationChange).where(
            ApplicationChange.client_id == client_id, ApplicationChange.decided_at.is_(None)
        )
    )


def waiting_changes(session: Session) -> dict[str, str]:
    """Return who proposed, by the identifier of each application of which a change waits for a decision."""
    rows = select(ApplicationChange.client_id, ApplicationChange.asked_by).where(ApplicationChange.decided_at.is_(None))
    return {row.client_id: row.asked_by for row in session.execute(rows)}


def last_refused_change(session: Session, client_id: str) -> ApplicationChange | None:
    """Return the change decided last, if it was refused: its reason says what to mend."""
    last = session.scalar(
        select(ApplicationChange)
        .where(ApplicationChange.client_id == client_id, ApplicationChange.decided_at.is_not(None))
        .order_by(ApplicationChange.decided_at.desc(), ApplicationChange.id.desc())
        .limit(1)
    )
    return last if last is not None and last.ended == REFUSED else None


def change_digest(row: ApplicationChange) -> str:
    """Return what names a proposal in all it says: what was registered, and what it becomes."""
    return sha256_hex(f"{row.id} {row.base_sha256} {row.wanted_sha256}")


def is_stale(client: Client, row: ApplicationChange) -> bool:
    """Tell whether what is registered is no longer what the change was proposed for."""
    return document_digest(client) != row.base_sha256


def decide_change(
    session: Session,
    *,
    services: IdpServices,
    client_id: str,
    approve: bool,
    reason: str,
    seen_sha256: str,
    actor: str,
    now: datetime,
) -> None:
    """Apply the change that waits, or refuse it with a reason. One decision counts.

    :param seen_sha256: :func:`change_digest` of what the approver looked at.
    :raises NotFound: (``nothing_waits``). :raises Denied: (``own_change``) on record: nobody approves what he proposed.
    :raises Rejected: (``reason_missing``, ``reason_long``) a refusal says why.
    :raises Conflict: (``change_stale``) what is registered, what was proposed and what was seen are not the same.
    """
    client = hold_client(session, client_id)
    waiting = open_change(session, client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    require_another_decider(
        session,
        journal=services.journal,
        kind=EventType.APPLICATION_CHANGE_REFUSED,
        own=Denied("Somebody else decides what you proposed.", code="own_change"),
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
    if seen_sha256 != change_digest(waiting) or (approve and is_stale(client, waiting)):
        raise Conflict("It changed since it was proposed.", code="change_stale")
    if approve:
        registration = changed_registration(session, client, waiting.changes)
        if document_digest(client_after(client, registration)) != waiting.wanted_sha256:  # our own rules changed since
            raise Conflict("It changed since it was proposed.", code="change_stale")
    _end(session, waiting, APPLIED if approve else REFUSED, reason=reason, actor=actor, now=now)
    if approve:
        replace_registration(
            session,
            journal=services.journal,
            client_id=client_id,
            registration=registration,
            sealing_secret=services.sealing_secret,
            actor=actor,
            asked_by=waiting.asked_by,
            undoes=waiting.undoes,
            now=now,
        )
    kind = EventType.APPLICATION_CHANGE_APPROVED if approve else EventType.APPLICATION_CHANGE_REFUSED
    _record(session, services.journal, kind, waiting, reason=reason, actor=actor, now=now)


def withdraw_change(session: Session, *, journal: Journal, client_id: str, actor: str, now: datetime) -> None:
    """Take a proposal back; the caller saw that ``actor`` looks after the application.

    :raises NotFound: (``nothing_waits``).
    """
    hold_client(session, client_id)
    waiting = open_change(session, client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    _end(session, waiting, WITHDRAWN, reason="", actor=actor, now=now)
    _record(session, journal, EventType.APPLICATION_CHANGE_WITHDRAWN, waiting, actor=actor, now=now)


def propose_change_anew(
    session: Session, *, services: IdpServices, client: Client, actor: str, now: datetime
) -> ApplicationChange:
    """Propose the waiting change for what is registered now, in place of the one that became stale.

    Whoever proposes it anew is the one who may not approve it.

    :raises NotFound: (``nothing_waits``). :raises Conflict: (``change_current``) it can be decided as it is.
    :raises Rejected: (``nothing_changed``) it is registered by now; as :func:`propose_change`.
    """
    client = hold_client(session, client.client_id)
    waiting = open_change(session, client.client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    if not is_stale(client, waiting):
        raise Conflict("It can be decided as it is.", code="change_current")
    withdraw_change(session, journal=services.journal, client_id=client.client_id, actor=actor, now=now)
    return _propose(session, services, client, waiting.changes, why=waiting.why, undoes=None, actor=actor, now=now)


def undoable_change(session: Session, client: Client) -> Change | None:
    """Return the last change, if it can be undone: nothing came after it, and it touched no key."""
    last = list_changes(session, client.client_id, limit=1)
    if not last or last[0].version != client.version or not last[0].is_undoable:
        return None
    return last[0] if last[0].members.keys() <= CHANGEABLE | CONSEQUENCES else None


def undo_change(
    session: Session, *, services: IdpServices, client: Client, version: int, why: str, actor: str, now: datetime
) -> ApplicationChange | None:
    """Take the last change back: at once in a sandbox, as a proposal in production, which is returned.

    :param version: of the change that ``actor`` saw: if it is not the last, another came after it.
    :raises Conflict: ``not_undoable``; as :func:`change_in_sandbox` and :func:`propose_change`.
    """
    client = hold_client(session, client.client_id)
    last = undoable_change(session, client)
    if last is None or last.version != version:
        raise Conflict("This change is not the last one, or cannot be undone.", code="not_undoable")
    if client.environment is Environment.PRODUCTION:
        return _propose(session, services, client, last.members, why=why, undoes=last.version, actor=actor, now=now)
    _apply(session, services, client, last.members, undoes=last.version, actor=actor, now=now)
    return None


def changed_registration(session: Session, client: Client, changes: Mapping[str, Any]) -> ClientRegistration:
    """Return what the application would register with these changes.

    :raises Rejected: as :meth:`ClientRegistration.parse`, :func:`require_declared_scopes` and ``api_outside``.
    """
    registration = ClientRegistration.parse({**registration_document(client), **changes})
    require_declared_scopes(session, registration)
    require_callable(session, registration, client.place)
    return registration


def _end(session: Session, row: ApplicationChange, ended: str, *, reason: str, actor: str, now: datetime) -> None:
    """:raises NotFound: (``nothing_waits``) somebody else was first."""
    decided = session.execute(
        update(ApplicationChange)
        .where(ApplicationChange.id == row.id, ApplicationChange.decided_at.is_(None))
        .values(ended=ended, reason=reason or None, decided_by=actor, decided_at=now)
        .returning(ApplicationChange.id)
    ).one_or_none()
    if decided is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")


def _record(
    session: Session,
    journal: Journal,
    kind: EventType,
    row: ApplicationChange,
    *,
    reason: str = "",
    actor: str,
    now: datetime,
) -> None:
    details: dict[str, str | list[str]] = {
        "base_sha256": row.base_sha256,
        "wanted_sha256": row.wanted_sha256,
        "members": sorted(row.changes),
        "asked_by": row.asked_by,
    }
    event = Event(
        type=kind,
        actor=actor,
        client_id=row.client_id,
        object_id=row.id,
        details={**details, **({"reason": reason} if reason else {})},
    )
    journal.record(session, event, now=now)
