"""An application is disabled, opened again, or removed from its sandbox: what stops is counted before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, distinct, func, select
from sqlalchemy.orm import Session

from admin.applications.changing import open_change, withdraw_change
from admin.applications.go_live import open_request, withdraw_go_live
from admin.applications.usage import ISSUED, counted_since
from admin.permissions import Permission
from admin.roles import Powers
from audit.event import Event
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.authentication.model import BrowserSessionRow
from idp.clients.client import Client, hold_client
from idp.clients.environment import Environment
from idp.clients.history import DISABLED, list_changes
from idp.clients.register import delete_client, disable_client, enable_client
from idp.services import IdpServices
from idp.tokens.model import RefreshTokenRow, TokenFamilyRow
from kernel.errors import Conflict, Denied, Rejected

DAYS = 30
#: Nobody counts further: what a page asks of the database has an end.
MOST = 100_000
_MOST_LOGINS = 50_000


@dataclass(frozen=True)
class Consequences:
    """What stops with an application; counts alone, each :data:`MOST` at most.

    :ivar sessions: open sessions of people that it takes part in. :ivar grants: what people or it itself were granted.
    :ivar refresh_tokens: that could still be used. :ivar people: who used it in the last :data:`DAYS` days; None: more
        than are counted here.
    """

    sessions: int
    grants: int
    refresh_tokens: int
    people: int | None


def consequences(session: Session, client_id: str, *, now: datetime) -> Consequences:
    """Return what stops if the application is disabled now."""
    family = TokenFamilyRow
    living = (family.client_id == client_id, family.revoked_at.is_(None), family.expires_at > now)
    open_sessions = (
        select(family.sid)
        .join(BrowserSessionRow, BrowserSessionRow.sid == family.sid)
        .where(*living, BrowserSessionRow.ended_at.is_(None), BrowserSessionRow.expires_at > now)
        .distinct()
    )
    refresh = (
        select(RefreshTokenRow.token_sha256)
        .join(family, family.id == RefreshTokenRow.family_id)
        .where(*living, RefreshTokenRow.used_at.is_(None), RefreshTokenRow.expires_at > now)
    )
    return Consequences(
        sessions=_count(session, open_sessions),
        grants=_count(session, select(family.id).where(*living)),
        refresh_tokens=_count(session, refresh),
        people=_people(session, client_id, now=now),
    )


def disable(session: Session, *, services: IdpServices, client: Client, actor: str, now: datetime) -> Client:
    """Close an application: nobody logs in to it, and what it holds ends at its next use.

    The caller saw that ``actor`` looks after it. One person does it, in production too: what goes wrong stops at once.

    :raises Conflict: (``already_disabled``).
    """
    client = hold_client(session, client.client_id)
    if not client.active:
        raise Conflict("It is disabled.", code="already_disabled")
    return disable_client(session, journal=services.journal, client_id=client.client_id, actor=actor, now=now)


def may_enable(session: Session, client: Client, *, powers: Powers, actor: str) -> bool:
    """Tell whether ``actor`` may open it again: who closed it last, or somebody who lets applications into production.

    What the provider closed stays closed until the provider opens it.
    """
    if powers.allow(Permission.APPLICATIONS_APPROVE):
        return True
    closed_by = next(
        (each.changed_by for each in list_changes(session, client.client_id) if each.kind == DISABLED), None
    )
    return closed_by == actor


def enable(
    session: Session, *, services: IdpServices, client: Client, powers: Powers, actor: str, now: datetime
) -> Client:
    """Open a closed application again: it works as it did, with its keys and secrets.

    :raises Conflict: (``already_enabled``). :raises Denied: (``closed_by_another``) on record.
    :raises Rejected: (``client_deleted``).
    """
    client = hold_client(session, client.client_id)
    if client.active:
        raise Conflict("It is not disabled.", code="already_enabled")
    if not may_enable(session, client, powers=powers, actor=actor):
        event = Event(
            type=EventType.CLIENT_ENABLED,
            outcome=Outcome.REFUSED,
            reason="closed_by_another",
            actor=actor,
            client_id=client.client_id,
        )
        error = Denied("Somebody else closed it.", code="closed_by_another")
        services.journal.refuse(session, event, error, now=now)
    return enable_client(session, journal=services.journal, client_id=client.client_id, actor=actor, now=now)


def remove_from_sandbox(session: Session, *, services: IdpServices, client: Client, actor: str, now: datetime) -> None:
    """End an application of a sandbox for good: its secrets are gone, its row stays for the records that name it.

    :raises Rejected: (``only_from_sandbox``) one in production is disabled instead.
    :raises Conflict: ``client_deleted``.
    """
    client = hold_client(session, client.client_id)
    if client.environment is not Environment.SANDBOX:
        raise Rejected("An application in production is disabled, not removed.", code="only_from_sandbox")
    if client.deleted:
        raise Conflict("It is removed.", code="client_deleted")
    if open_request(session, client.client_id) is not None:
        withdraw_go_live(session, journal=services.journal, client_id=client.client_id, actor=actor, now=now)
    if open_change(session, client.client_id) is not None:
        withdraw_change(session, journal=services.journal, client_id=client.client_id, actor=actor, now=now)
    delete_client(session, journal=services.journal, client_id=client.client_id, actor=actor, now=now)


def _count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.limit(MOST).subquery())) or 0


def _people(session: Session, client_id: str, *, now: datetime) -> int | None:
    """Who had a token in the last days, by the record; not asked where there were very many logins."""
    since = now - timedelta(days=DAYS)
    if counted_since(session, client_id, since=since, name=ISSUED) > _MOST_LOGINS:
        return None
    people = select(func.count(distinct(AuditEvent.subject))).where(
        AuditEvent.client_id == client_id,
        AuditEvent.occurred_at >= since,
        AuditEvent.type == EventType.TOKEN_ISSUED.value,
        AuditEvent.subject.is_not(None),
    )
    return session.scalar(people) or 0
