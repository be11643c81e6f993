"""Browser sessions: server-side rows behind a secret cookie, which changes whenever its worth changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.model import PersonRow
from idp.authentication.assurance import acr_of, level_reached, with_methods
from idp.authentication.device import describe_device
from idp.authentication.model import BrowserSessionRow
from idp.leaving.announcement import announce_end
from kernel.clock import MOST_SKEW
from kernel.errors import Conflict
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.origin import current_origin
from kernel.prefetch import UNKNOWN, find_row, keep, kept

# NIST SP 800-63B-4 §2.2.3 allows 1 hour idle and 24 hours in all at its second level; we ask for half of both,
# because public computers (libraries, town halls) are common where these citizens live.
# An installation may be stricter (``SAU_SESSION_IDLE_MINUTES``, ``SAU_SESSION_HOURS``).
SESSION_COOKIE = "sau_session"
IDLE_LIFETIME = timedelta(minutes=30)
ABSOLUTE_LIFETIME = timedelta(hours=12)
# A visit is written down at most this often, so that reading a page is not a write each time.
_VISIT_GRAIN = timedelta(minutes=1)
# By what a session that was read ahead is found.
BY_SECRET, BY_SID = "session_by_secret", "session_by_sid"


@dataclass(frozen=True, kw_only=True)
class BrowserSession:
    """A person logged in with one browser.

    :ivar sid: the public name of the session (the ``sid`` claim); never the cookie's value.
    :ivar x5t_s256: SHA-256 of the certificate that it rests on (base64url), if one was logged in with.
    :ivar institution_id: with which of several the person chose to go in.
    :ivar authenticated_at: when the password was last verified (``auth_time``).
    :ivar level: of the person's identity as it was when the session was looked up, with what this login adds; 0 where
        the session was looked up for something else.
    """

    id: str
    sid: str
    person_id: str
    authenticated_at: datetime
    acr: str
    amr: tuple[str, ...]
    expires_at: datetime
    last_seen_at: datetime
    created_at: datetime
    device: str
    x5t_s256: str | None
    institution_id: str | None = None
    level: int = 0
    idle_lifetime: timedelta = IDLE_LIFETIME

    @property
    def ends_at(self) -> datetime:
        """When it ends if it is not used again."""
        return min(self.expires_at, self.last_seen_at + self.idle_lifetime)


def find_browser_session(session: Session, *, secret: str | None, now: datetime) -> BrowserSession | None:
    """Return the live session of the cookie's ``secret``, or nothing: unknown, ended, idle or too old."""
    if not secret:
        return None
    digest = sha256_hex(secret)
    row = kept(session, BY_SECRET, digest)
    if row is UNKNOWN:
        row = session.scalars(select(BrowserSessionRow).where(BrowserSessionRow.secret_sha256 == digest)).one_or_none()
    return _with_level(session, row) if row and _lives(row, now) else None


def person_of_session(session: Session, *, secret: str | None) -> str | None:
    """Return whose session the cookie's ``secret`` is or was, as long as its row is kept. It proves nothing more."""
    return session.scalar(
        select(BrowserSessionRow.person_id).where(BrowserSessionRow.secret_sha256 == sha256_hex(secret or ""))
    )


def find_session_by_sid(session: Session, *, sid: str, now: datetime) -> BrowserSession | None:
    """Return the live session named ``sid``, or nothing."""
    row = kept(session, BY_SID, sid)
    if row is UNKNOWN:
        row = session.scalars(select(BrowserSessionRow).where(BrowserSessionRow.sid == sid)).one_or_none()
    return _as_session(row) if row and _lives(row, now) else None


def keep_browser_session(session: Session, row: BrowserSessionRow | None, *, sid: str | None = None) -> None:
    """Have a session that was read ahead at hand, or by ``sid`` that there is none."""
    if row is not None:
        keep(session, BY_SECRET, row.secret_sha256, row)
        keep(session, BY_SID, row.sid, row)
    elif sid is not None:
        keep(session, BY_SID, sid, None)


def list_browser_sessions(session: Session, *, person_id: str, now: datetime) -> list[BrowserSession]:
    """Return the person's live sessions, the one used last first."""
    rows = session.scalars(
        select(BrowserSessionRow)
        .where(BrowserSessionRow.person_id == person_id, *_alive(now))
        .order_by(BrowserSessionRow.last_seen_at.desc(), BrowserSessionRow.id.desc())
    )
    return [_as_session(row) for row in rows if _lives(row, now)]


def touch_browser_session(session: Session, *, sid: str, now: datetime) -> None:
    """Note that the session is in use; call it in a transaction of any request that the person makes."""
    row = kept(session, BY_SID, sid)
    if row is not UNKNOWN and (row is None or row.last_seen_at > now - _VISIT_GRAIN):
        return
    session.execute(
        update(BrowserSessionRow)
        .where(BrowserSessionRow.sid == sid, BrowserSessionRow.last_seen_at <= now - _VISIT_GRAIN, *_alive(now))
        .values(last_seen_at=now)
    )


def keep_institution(session: Session, *, sid: str, institution_id: str) -> None:
    """Remember for the rest of the session with which institution the person goes in."""
    session.execute(update(BrowserSessionRow).where(BrowserSessionRow.sid == sid).values(institution_id=institution_id))
    session.expire_all()


def start_browser_session(
    session: Session,
    *,
    journal: Journal,
    person_id: str,
    amr: Iterable[str],
    x5t_s256: str | None = None,
    idle: timedelta = IDLE_LIFETIME,
    absolute: timedelta = ABSOLUTE_LIFETIME,
    now: datetime,
) -> tuple[BrowserSession, str]:
    """Start a session after ``amr`` was verified; return it and the secret for the cookie.

    :param idle: how long it may be left unused. :param absolute: how long it lasts at most.
    """
    methods = tuple(sorted(set(amr)))
    secret = new_secret()
    row = BrowserSessionRow(
        id=new_id(),
        sid=new_secret(16),
        secret_sha256=sha256_hex(secret),
        person_id=person_id,
        authenticated_at=now,
        acr=acr_of(methods),
        amr=list(methods),
        x5t_s256=x5t_s256,
        device=describe_device(current_origin().user_agent),
        created_at=now,
        last_seen_at=now,
        expires_at=now + min(absolute, ABSOLUTE_LIFETIME),
        idle_seconds=int(min(idle, IDLE_LIFETIME).total_seconds()),
    )
    session.add(row)
    _record(session, journal, EventType.SESSION_STARTED, row, now=now)
    session.flush()
    return _with_level(session, row), secret


def step_up(
    session: Session, *, journal: Journal, sid: str, method: str, also: Iterable[str] = (), now: datetime
) -> tuple[BrowserSession, str]:
    """Add ``method`` to the session, and what it showed ``also``: same ``sid`` and start, a new secret.

    :raises Conflict: (``session_ended``) if it is no longer alive.
    """
    row = session.scalars(
        select(BrowserSessionRow).where(BrowserSessionRow.sid == sid, *_alive(now)).with_for_update()
    ).one_or_none()
    if row is None or not _lives(row, now):
        raise Conflict("The session has ended.", code="session_ended")
    methods = with_methods(row.amr, (method, *also))
    return _change(session, journal, row, methods, row.authenticated_at, now=now)


def reauthenticate(
    session: Session, *, journal: Journal, sid: str, amr: Iterable[str], x5t_s256: str | None = None, now: datetime
) -> tuple[BrowserSession, str]:
    """Renew the session of the same person who has just proved ``amr`` again: same ``sid``, new secret and time.

    A session that a certificate was once used in goes on resting on it: what was given meanwhile does.

    :raises Conflict: (``session_ended``) if it is no longer alive.
    """
    row = session.scalars(
        select(BrowserSessionRow).where(BrowserSessionRow.sid == sid, *_alive(now)).with_for_update()
    ).one_or_none()
    if row is None or not _lives(row, now):
        raise Conflict("The session has ended.", code="session_ended")
    row.x5t_s256 = x5t_s256 or row.x5t_s256
    return _change(session, journal, row, tuple(sorted(set(amr))), now, now=now)


def end_browser_session(session: Session, *, journal: Journal, sid: str, reason: str, now: datetime) -> bool:
    """End the session; tell whether this call did it. Ending an ended one is no error and no event.

    Applications that took part in it are told, whatever the reason.

    :param reason: ``logout``, ``closed_by_person``, ``replaced``, ``password_changed``, ``disabled``, ``erased``,
        ``certificate_revoked`` or ``expired``.
    """
    ended = session.execute(
        update(BrowserSessionRow)
        .where(BrowserSessionRow.sid == sid, BrowserSessionRow.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason)
        .returning(BrowserSessionRow.person_id)
    ).scalar_one_or_none()
    if ended is None:
        return False
    event_id = journal.record(
        session,
        Event(type=EventType.SESSION_ENDED, subject=ended, session_id=sid, details={"reason": reason}),
        now=now,
    )
    announce_end(session, sid=sid, person_id=ended, reason=reason, event_id=event_id, now=now)
    return True


def end_sessions_of(
    session: Session, *, journal: Journal, person_id: str, reason: str, now: datetime, except_sid: str | None = None
) -> int:
    """End all sessions of the person but ``except_sid``; return how many."""
    sids = session.scalars(
        select(BrowserSessionRow.sid).where(
            BrowserSessionRow.person_id == person_id, BrowserSessionRow.ended_at.is_(None)
        )
    ).all()
    return sum(
        end_browser_session(session, journal=journal, sid=sid, reason=reason, now=now)
        for sid in sids
        if sid != except_sid
    )


def end_sessions_on_certificate(
    session: Session, *, journal: Journal, x5t_s256: str, reason: str, now: datetime
) -> int:
    """End all sessions that rest on the certificate; return how many."""
    sids = session.scalars(
        select(BrowserSessionRow.sid).where(
            BrowserSessionRow.x5t_s256 == x5t_s256, BrowserSessionRow.ended_at.is_(None)
        )
    ).all()
    return sum(end_browser_session(session, journal=journal, sid=sid, reason=reason, now=now) for sid in sids)


def end_expired_sessions(
    session: Session, *, journal: Journal, now: datetime, limit: int = 500, idle: timedelta = IDLE_LIFETIME
) -> int:
    """Put on record the end of sessions that ran out; return how many. :param idle: of this installation."""
    sids = session.scalars(
        select(BrowserSessionRow.sid)
        .where(
            BrowserSessionRow.ended_at.is_(None),
            (BrowserSessionRow.expires_at <= now)
            | (BrowserSessionRow.last_seen_at <= now - IDLE_LIFETIME)
            | (
                (BrowserSessionRow.idle_seconds <= int(idle.total_seconds()))
                & (BrowserSessionRow.last_seen_at <= now - idle)
            ),
        )
        .limit(limit)
    ).all()
    return sum(end_browser_session(session, journal=journal, sid=sid, reason="expired", now=now) for sid in sids)


def _change(
    session: Session,
    journal: Journal,
    row: BrowserSessionRow,
    methods: tuple[str, ...],
    authenticated_at: datetime,
    *,
    now: datetime,
) -> tuple[BrowserSession, str]:
    secret = new_secret()
    row.secret_sha256 = sha256_hex(secret)
    row.amr = list(methods)
    row.acr = acr_of(methods)
    row.authenticated_at = authenticated_at
    row.last_seen_at = now
    _record(session, journal, EventType.SESSION_STEPPED_UP, row, now=now)
    session.flush()
    return _with_level(session, row), secret


def _record(session: Session, journal: Journal, kind: EventType, row: BrowserSessionRow, *, now: datetime) -> None:
    journal.record(
        session,
        Event(type=kind, subject=row.person_id, session_id=row.sid, details={"acr": row.acr, "amr": list(row.amr)}),
        now=now,
    )


def _lives(row: BrowserSessionRow, now: datetime) -> bool:
    """Tell of a row that was read what :func:`_alive` asks of rows in the database."""
    idle = timedelta(seconds=row.idle_seconds)
    seen = now - min(idle, IDLE_LIFETIME) < row.last_seen_at <= now + MOST_SKEW
    return row.ended_at is None and now < row.expires_at <= now + ABSOLUTE_LIFETIME + MOST_SKEW and seen


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        BrowserSessionRow.ended_at.is_(None),
        BrowserSessionRow.expires_at > now,
        BrowserSessionRow.expires_at <= now + ABSOLUTE_LIFETIME + MOST_SKEW,
        BrowserSessionRow.last_seen_at > now - IDLE_LIFETIME,
        BrowserSessionRow.last_seen_at <= now + MOST_SKEW,
    )


def _with_level(session: Session, row: BrowserSessionRow) -> BrowserSession:
    person = find_row(session, PersonRow, row.person_id)
    return _as_session(row, level=level_reached(person.level, row.amr) if person is not None else 0)


def _as_session(row: BrowserSessionRow, *, level: int = 0) -> BrowserSession:
    return BrowserSession(
        id=row.id,
        sid=row.sid,
        person_id=row.person_id,
        authenticated_at=row.authenticated_at,
        acr=row.acr,
        amr=tuple(row.amr),
        expires_at=row.expires_at,
        last_seen_at=row.last_seen_at,
        created_at=row.created_at,
        device=row.device,
        x5t_s256=row.x5t_s256,
        idle_lifetime=timedelta(seconds=row.idle_seconds),
        institution_id=row.institution_id,
        level=level,
    )
