"""Periodic work of this room: ends what ran out, removes what nobody needs any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from idp.accounts.data_copy import remove_old_copies
from idp.accounts.model import (
    EmailConfirmationRow,
    EnrollmentLinkRow,
    MailCodeRow,
    PasswordResetRow,
    PhoneConfirmationRow,
    PhoneRecoveryRow,
    SignUpRow,
)
from idp.authentication.browser_session import end_expired_sessions
from idp.authentication.known_device import DEVICE_LIFETIME
from idp.authentication.model import (
    BrowserSessionRow,
    CertificateTicketRow,
    InteractionRow,
    KnownDeviceRow,
    RecoverySheetRow,
    TotpRow,
)
from idp.authentication.throttle import remove_old_counters
from idp.authentication.totp import PENDING_LIFETIME
from idp.broker.request import remove_old_requests
from idp.codes.model import GridCardRow, GridSheetRow, SentCodeRow
from idp.notices.model import StoredMailRow, StoredSmsRow
from idp.passkeys.challenge import remove_old_challenges
from idp.services import IdpServices
from idp.ussd.dialogue import remove_old_dialogues
from kernel.worker import PeriodicJob

# An ended session or interaction is kept for a day, so that a late request gets a true answer.
_KEPT = timedelta(days=1)
_MAILS_KEPT = timedelta(days=30)


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the jobs of this room."""
    return [
        PeriodicJob("idp.sessions", timedelta(minutes=1), lambda: end_old_sessions(services)),
        PeriodicJob("idp.cleaning", timedelta(minutes=10), lambda: clean(services)),
    ]


def end_old_sessions(services: IdpServices) -> None:
    """Put the end of sessions that ran out on record."""
    with services.database.transaction() as session:
        idle = timedelta(minutes=services.settings.session_idle_minutes)
        end_expired_sessions(session, journal=services.journal, now=services.clock.now(), idle=idle)


def clean(services: IdpServices) -> None:
    """Delete journeys, codes and counters that are over."""
    now = services.clock.now()
    with services.database.transaction() as session:
        _drop_abandoned_sign_ups(session, services, now=now)
        for statement in (
            delete(InteractionRow).where(InteractionRow.expires_at <= now - _KEPT),
            delete(CertificateTicketRow).where(CertificateTicketRow.expires_at <= now - _KEPT),
            delete(BrowserSessionRow).where(BrowserSessionRow.ended_at <= now - _KEPT),
            delete(PasswordResetRow).where(PasswordResetRow.expires_at <= now),
            delete(PhoneRecoveryRow).where(PhoneRecoveryRow.expires_at <= now),
            delete(MailCodeRow).where(MailCodeRow.expires_at <= now - _KEPT),
            delete(SentCodeRow).where(SentCodeRow.expires_at <= now - _KEPT),
            delete(GridSheetRow).where(GridSheetRow.expires_at <= now),
            delete(GridCardRow).where(GridCardRow.confirmed_at.is_(None), GridCardRow.created_at <= now - _KEPT),
            delete(RecoverySheetRow).where(RecoverySheetRow.expires_at <= now),
            delete(TotpRow).where(TotpRow.confirmed_at.is_(None), TotpRow.created_at <= now - PENDING_LIFETIME),
            delete(KnownDeviceRow).where(KnownDeviceRow.last_used_at <= now - DEVICE_LIFETIME),
            delete(PhoneConfirmationRow).where(PhoneConfirmationRow.expires_at <= now),
            delete(EmailConfirmationRow).where(EmailConfirmationRow.expires_at <= now),
            delete(EnrollmentLinkRow).where(EnrollmentLinkRow.expires_at <= now - _KEPT),
            delete(StoredMailRow).where(StoredMailRow.created_at <= now - _MAILS_KEPT),
            delete(StoredSmsRow).where(StoredSmsRow.created_at <= now - _MAILS_KEPT),
        ):
            session.execute(statement)
        remove_old_copies(session, now=now)
        remove_old_counters(session, now=now)
        remove_old_dialogues(session, now=now)
        remove_old_challenges(session, now=now)
        remove_old_requests(session, now=now)


def _drop_abandoned_sign_ups(session: Session, services: IdpServices, *, now: datetime) -> None:
    dropped = session.execute(
        delete(SignUpRow)
        .where(SignUpRow.expires_at <= now)
        .returning(SignUpRow.id, SignUpRow.person_id, SignUpRow.decoy, SignUpRow.finished_at)
    ).all()
    for row in dropped:
        if row.decoy:
            services.journal.holder_keys.destroy(session, row.id, now=now)
        elif row.finished_at is None:
            # Nobody came to be: what the evidence holds about him becomes unreadable.
            services.journal.holder_keys.destroy(session, row.person_id, now=now)
