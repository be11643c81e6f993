"""The console's own session: opened after a login at the provider, and never outliving it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from admin.model import ConsoleSession
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from kernel.identifiers import new_id, new_secret, sha256_hex

IDLE_LIFETIME = timedelta(minutes=20)
ABSOLUTE_LIFETIME = timedelta(hours=8)
# Signing and revoking want to know that the person is still the one who logged in.
FRESH_LIFETIME = timedelta(minutes=15)
# So long before the end the page asks whether its reader stays; 20 seconds at least are asked for (WCAG 2.2.1).
WARNING = timedelta(minutes=2)
# The row is written anew at most this often: reading a page is no write otherwise.
_SEEN_STEP = timedelta(minutes=1)


@dataclass(frozen=True)
class OpenConsoleSession:
    """A console session that counts now."""

    id: str
    sid: str
    person_id: str
    authenticated_at: datetime
    acr: str
    expires_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether the login is recent enough to sign or revoke."""
        return now - self.authenticated_at <= FRESH_LIFETIME


def seconds_until_warning(opened: OpenConsoleSession, *, login_idle: timedelta, now: datetime) -> int:
    """Return after how many seconds a page asks whether its reader stays; 0: staying would help no more.

    :param login_idle: after what time without use the login ends that the session rests on.
    """
    after = min(IDLE_LIFETIME, login_idle) - _SEEN_STEP - WARNING
    return int(after.total_seconds()) if now + after + WARNING < opened.expires_at else 0


def open_console_session(
    session: Session,
    *,
    journal: Journal,
    sid: str,
    person_id: str,
    authenticated_at: datetime,
    acr: str,
    now: datetime,
) -> tuple[OpenConsoleSession, str]:
    """Open a session for a person who logged in at the provider; return it and the cookie's secret.

    An older console session under the same ``sid`` ends: a fresh login always brings a new secret.
    """
    session.execute(
        update(ConsoleSession)
        .where(ConsoleSession.sid == sid, ConsoleSession.person_id == person_id, ConsoleSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    secret = new_secret()
    row = ConsoleSession(
        id=new_id(),
        secret_sha256=sha256_hex(secret),
        sid=sid,
        person_id=person_id,
        authenticated_at=authenticated_at,
        acr=acr,
        opened_at=now,
        last_seen_at=now,
        expires_at=now + ABSOLUTE_LIFETIME,
    )
    session.add(row)
    journal.record(
        session,
        Event(type=EventType.CONSOLE_OPENED, subject=person_id, session_id=sid, object_id=row.id, details={"acr": acr}),
        now=now,
    )
    return session_value(row), secret


def find_console_session(session: Session, *, secret: str | None, now: datetime) -> OpenConsoleSession | None:
    """Return the session whose cookie holds ``secret``, unless it ended, lay idle too long or lived its whole time.

    The caller still asks the provider whether the login session ``sid`` goes on.
    """
    if not secret:
        return None
    row = session.scalar(
        select(ConsoleSession).where(
            ConsoleSession.secret_sha256 == sha256_hex(secret),
            ConsoleSession.ended_at.is_(None),
            ConsoleSession.expires_at > now,
            ConsoleSession.last_seen_at > now - IDLE_LIFETIME,
        )
    )
    return session_value(row) if row else None


def is_due_to_be_seen(session: Session, *, session_id: str, now: datetime) -> bool:
    """Tell whether ``touch_console_session`` would write: at most once a minute."""
    seen = session.scalar(select(ConsoleSession.last_seen_at).where(ConsoleSession.id == session_id))
    return seen is not None and now - seen >= _SEEN_STEP


def touch_console_session(session: Session, *, session_id: str, now: datetime) -> None:
    """Note that the session is in use, which puts off its idle end."""
    session.execute(
        update(ConsoleSession)
        .where(ConsoleSession.id == session_id, ConsoleSession.ended_at.is_(None))
        .values(last_seen_at=now)
    )


def close_console_session(
    session: Session, *, journal: Journal, opened: OpenConsoleSession, reason: str, now: datetime
) -> None:
    """End the session (``logout``, ``login_ended``); ending an ended one is no error and no second event."""
    ended = session.execute(
        update(ConsoleSession)
        .where(ConsoleSession.id == opened.id, ConsoleSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(ConsoleSession.id)
    ).one_or_none()
    if ended is not None:
        journal.record(
            session,
            Event(
                type=EventType.CONSOLE_CLOSED,
                subject=opened.person_id,
                session_id=opened.sid,
                object_id=opened.id,
                details={"why": reason},
            ),
            now=now,
        )


def session_value(row: ConsoleSession) -> OpenConsoleSession:
    """Return the row as a value."""
    return OpenConsoleSession(
        id=row.id,
        sid=row.sid,
        person_id=row.person_id,
        authenticated_at=row.authenticated_at,
        acr=row.acr,
        expires_at=row.expires_at,
    )
