"""Codes sent by mail: 8 digits, 15 minutes, 5 tries, the newest only; stored as keyed digests."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from idp.accounts.model import MailCodeRow
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected, Throttled
from keys.sealing import derive_secret

DIGITS = 8
CODE_LIFETIME = timedelta(minutes=15)
MAX_TRIES = 5
RESEND_AFTER = timedelta(seconds=60)
MAX_SENDS = 5


class MailCodeMismatchError(Rejected):
    """The code does not fit. :ivar tries_left: how many tries this code has left."""

    default_code = "wrong_mail_code"

    def __init__(self, *, tries_left: int) -> None:
        super().__init__("The code does not fit.")
        self.tries_left = tries_left


def make_mail_code(session: Session, *, services: IdpServices, journey_id: str, now: datetime) -> str:
    """Make the journey's code and return it for the mail; the one before it dies.

    :raises Throttled: (``resend_too_soon``) within a minute of the last one; :raises Conflict: (``resend_limit``).
    """
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    row = session.get(MailCodeRow, journey_id, with_for_update=True)
    if row is not None:
        if row.times_sent >= MAX_SENDS:
            raise Conflict("No more codes are sent for this one.", code="resend_limit")
        if now < row.sent_at + RESEND_AFTER:
            raise Throttled(
                "A code was sent just now.", code="resend_too_soon", retry_after=row.sent_at + RESEND_AFTER - now
            )
    session.merge(
        MailCodeRow(
            journey_id=journey_id,
            code_hmac=_digest(services, journey_id, code),
            sent_at=now,
            expires_at=now + CODE_LIFETIME,
            times_sent=row.times_sent + 1 if row else 1,
            tries=0,
            used_at=None,
        )
    )
    session.flush()
    return code


def require_mail_code(session: Session, *, services: IdpServices, journey_id: str, code: str, now: datetime) -> None:
    """Check and use up the journey's code. A wrong try counts: the error leaves with its count committed.

    :raises Rejected: (``code_missing``), no try; :raises MailCodeMismatchError:
    :raises Conflict: (``mail_code_dead``) when it is too old, was tried too often, or was used.
    """
    digits = "".join(letter for letter in code if letter.isalnum())
    if not digits:
        raise Rejected("Type the code.", code="code_missing")
    # The try is counted by the statement that allows it: any number at once makes five.
    row = session.execute(
        update(MailCodeRow)
        .where(
            MailCodeRow.journey_id == journey_id,
            MailCodeRow.tries < MAX_TRIES,
            MailCodeRow.expires_at > now,
            MailCodeRow.used_at.is_(None),
        )
        .values(tries=MailCodeRow.tries + 1)
        .returning(MailCodeRow.tries, MailCodeRow.code_hmac)
    ).one_or_none()
    if row is None:
        raise Conflict("This code is no longer valid.", code="mail_code_dead")
    if not hmac.compare_digest(row.code_hmac, _digest(services, journey_id, digits)):
        error = MailCodeMismatchError(tries_left=MAX_TRIES - row.tries)
        error.commits = True
        raise error
    session.execute(update(MailCodeRow).where(MailCodeRow.journey_id == journey_id).values(used_at=now))


def _digest(services: IdpServices, journey_id: str, code: str) -> str:
    secret = derive_secret(services.sealing_secret, "mail-code")
    return hmac.digest(secret, f"{journey_id}:{code}".encode(), "sha256").hex()
