"""The console's background work: its sessions end with the login, also unseen; the hours that are over are counted."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from admin.api.idempotency import forget_answers
from admin.certificate_counts import count_certificates
from admin.console_session import IDLE_LIFETIME, close_console_session, session_value
from admin.hour_counts import count_hours
from admin.level_counts import count_levels
from admin.model import ConsoleSession, SignInAttempt
from admin.services import AdminServices
from admin.sign_in import ATTEMPT_LIFETIME
from idp.authentication.browser_session import find_session_by_sid
from kernel.worker import PeriodicJob

_BATCH = 500
_SIGN_INS_KEPT = timedelta(days=1)


def periodic_jobs(services: AdminServices) -> list[PeriodicJob]:
    """Return the console's jobs."""

    def tidy() -> None:
        now = services.clock.now()
        with services.database.transaction() as session:
            close_ended_sessions(session, services=services, now=now)
            forget_sign_ins(session, now=now)
            forget_answers(session, now=now)

    def count() -> None:
        with services.database.transaction() as session:
            count_hours(session, now=services.clock.now())
        count_certificates(services.database, now=services.clock.now())
        count_levels(services.database, now=services.clock.now())

    return [
        PeriodicJob("console_sessions", timedelta(minutes=1), tidy),
        PeriodicJob("console_figures", timedelta(minutes=5), count),
    ]


def close_ended_sessions(session: Session, *, services: AdminServices, now: datetime) -> int:
    """Close console sessions that ran out or whose login ended, each on record; return how many."""
    closed = 0
    for row in session.scalars(select(ConsoleSession).where(ConsoleSession.ended_at.is_(None)).limit(_BATCH)).all():
        if row.expires_at <= now or row.last_seen_at <= now - IDLE_LIFETIME:
            reason = "expired"
        elif find_session_by_sid(session, sid=row.sid, now=now) is None:
            reason = "login_ended"
        else:
            continue
        close_console_session(session, journal=services.journal, opened=session_value(row), reason=reason, now=now)
        closed += 1
    return closed


def forget_sign_ins(session: Session, *, now: datetime) -> None:
    """Delete logins on their way that are long over, and what was typed with them."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.started_at < now - ATTEMPT_LIFETIME - _SIGN_INS_KEPT))
