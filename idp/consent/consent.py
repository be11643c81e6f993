"""Consent: given, found, withdrawn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client
from idp.consent.model import ConsentRow
from idp.protocol.scope import IDENTITY_SCOPES
from kernel.prefetch import find_row


@dataclass(frozen=True)
class Consent:
    """A consent that stands.

    :ivar scopes: what the application may know.
    :ivar offered: all that it asked for when the person decided.
    """

    person_id: str
    client_id: str
    scopes: tuple[str, ...]
    offered: tuple[str, ...]
    granted_at: datetime


def find_consent(session: Session, *, person_id: str, client_id: str) -> Consent | None:
    """Return the consent that stands, or nothing."""
    row = find_row(session, ConsentRow, (person_id, client_id), anew=True)
    if row is None or row.withdrawn_at is not None:
        return None
    return Consent(row.person_id, row.client_id, tuple(row.scopes), tuple(row.offered), row.granted_at)


def list_consents(session: Session, *, person_id: str) -> list[Consent]:
    """Return the person's consents that stand, newest first."""
    rows = session.scalars(
        select(ConsentRow)
        .where(ConsentRow.person_id == person_id, ConsentRow.withdrawn_at.is_(None))
        .order_by(ConsentRow.granted_at.desc())
    )
    return [
        Consent(row.person_id, row.client_id, tuple(row.scopes), tuple(row.offered), row.granted_at) for row in rows
    ]


def covered_scopes(consent: Consent | None, *, client: Client, requested: Collection[str]) -> tuple[str, ...] | None:
    """Return the part of ``requested`` that may be given without asking, or None if the person must be asked.

    :param requested: scopes, and APIs by their identifiers.

    Asking is needed for what was never offered, and for a scope that was optional then and is necessary now.
    """
    if client.is_console:
        return tuple(requested)
    if consent is None or not set(requested) <= set(consent.offered):
        return None
    granted = tuple(scope for scope in requested if scope in consent.scopes)
    necessary = set(requested) - set(client.optional_scopes)
    return granted if necessary <= set(granted) else None


def grant_consent(
    session: Session,
    *,
    journal: Journal,
    person_id: str,
    client: Client,
    requested: Collection[str],
    chosen: Collection[str],
    session_id: str | None = None,
    now: datetime,
) -> tuple[str, ...]:
    """Write down that the person allows the necessary part of ``requested`` and the ``chosen`` optional ones.

    What stood before for other scopes of this application stays. Returns the part of ``requested`` that is given.
    """
    given = {scope for scope in requested if scope not in client.optional_scopes or scope in chosen}
    before = find_consent(session, person_id=person_id, client_id=client.client_id)
    offered = set(requested) | set(before.offered if before else ())
    # A decision of today about a scope replaces the one before; one about others stands.
    scopes = given | (set(before.scopes) - set(requested) if before else set())
    values = {"scopes": _ordered(scopes), "offered": _ordered(offered), "granted_at": now, "withdrawn_at": None}
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(ConsentRow)
        .values(person_id=person_id, client_id=client.client_id, **values)
        .on_conflict_do_update(index_elements=[ConsentRow.person_id, ConsentRow.client_id], set_=values)
    )
    event = Event(
        type=EventType.CONSENT_GRANTED,
        subject=person_id,
        client_id=client.client_id,
        session_id=session_id,
        details={"scopes": _ordered(given), "left_out": _ordered(set(requested) - given)},
    )
    journal.record(session, event, now=now)
    return tuple(scope for scope in requested if scope in given)


def record_refused_consent(
    session: Session,
    *,
    journal: Journal,
    person_id: str,
    client: Client,
    requested: Collection[str],
    session_id: str | None = None,
    now: datetime,
) -> None:
    """Put on record that the person gave nothing. A consent of before stays: this was about today's request."""
    event = Event(
        type=EventType.CONSENT_REFUSED,
        outcome=Outcome.REFUSED,
        reason="access_denied",
        subject=person_id,
        client_id=client.client_id,
        session_id=session_id,
        details={"scopes": list(requested)},
    )
    journal.record(session, event, now=now)


def mark_withdrawn(session: Session, *, journal: Journal, person_id: str, client_id: str, now: datetime) -> bool:
    """Withdraw the consent itself; tell whether there was one. Tokens are the caller's to revoke."""
    withdrawn = session.execute(
        update(ConsentRow)
        .where(ConsentRow.person_id == person_id, ConsentRow.client_id == client_id, ConsentRow.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(ConsentRow.client_id)
    ).scalar_one_or_none()
    if withdrawn is None:
        return False
    event = Event(type=EventType.CONSENT_WITHDRAWN, subject=person_id, client_id=client_id)
    journal.record(session, event, now=now)
    return True


def _ordered(scopes: Collection[str]) -> list[str]:
    own = [scope for scope in IDENTITY_SCOPES if scope in scopes]
    return own + sorted(set(scopes) - set(own))
