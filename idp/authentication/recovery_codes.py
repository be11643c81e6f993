"""Recovery codes: ten, for the day the telephone is gone; stored as keyed digests, each usable once."""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.authentication.model import RecoveryCodeRow, RecoverySheetRow
from idp.authentication.totp import WrongCodeError, clean_code
from idp.services import IdpServices
from kernel.identifiers import new_id
from keys.sealing import Sealer, derive_secret

CODE_COUNT = 10
SHEET_LIFETIME = timedelta(minutes=30)
# Crockford's alphabet: no I, L, O, U. 10 letters are 50 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = 10


def issue_recovery_codes(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> list[str]:
    """Replace the person's codes by ten new ones, on record, and return them as ``XXXXX-XXXXX``.

    They can be read again by :func:`read_recovery_sheet` until their owner says that he has them.
    """
    session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id))
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS)) for _ in range(CODE_COUNT)]
    session.add_all(
        RecoveryCodeRow(id=new_id(), person_id=person_id, code_hmac=_digest(services, person_id, code), created_at=now)
        for code in codes
    )
    shown = [f"{code[:5]}-{code[5:]}" for code in codes]
    sealed = Sealer(services.sealing_secret, "recovery-sheet").seal(json.dumps(shown).encode(), bound_to=person_id)
    session.merge(RecoverySheetRow(person_id=person_id, sealed_codes=sealed, expires_at=now + SHEET_LIFETIME))
    services.journal.record(
        session,
        Event(type=EventType.RECOVERY_CODES_ISSUED, subject=person_id, details={"count": CODE_COUNT}),
        now=now,
    )
    return shown


def issue_with_first_factor(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> None:
    """Give recovery codes to who has none: with the first second factor, whichever its kind."""
    if count_recovery_codes(session, person_id) == 0:
        issue_recovery_codes(session, services=services, person_id=person_id, now=now)


def read_recovery_sheet(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> list[str]:
    """Return the codes that the person has not put away yet; empty when there is nothing to show."""
    row = session.get(RecoverySheetRow, person_id)
    if row is None or row.expires_at <= now:
        return []
    opened = Sealer(services.sealing_secret, "recovery-sheet").open(row.sealed_codes, bound_to=person_id)
    return [str(code) for code in json.loads(opened)]


def put_away_recovery_sheet(session: Session, *, person_id: str) -> None:
    """The person has written the codes down: from now on nobody can read them."""
    session.execute(delete(RecoverySheetRow).where(RecoverySheetRow.person_id == person_id))


def count_recovery_codes(session: Session, person_id: str) -> int:
    """Return how many unused codes the person has."""
    return (
        session.scalar(
            select(func.count())
            .select_from(RecoveryCodeRow)
            .where(RecoveryCodeRow.person_id == person_id, RecoveryCodeRow.used_at.is_(None))
        )
        or 0
    )


def require_recovery_code(
    session: Session, *, services: IdpServices, person_id: str, code: str, journey: str = "", now: datetime
) -> None:
    """Use up a recovery code: of any number at once exactly one succeeds. :raises WrongCodeError:"""
    # What Crockford's alphabet leaves out is read as what it looks like.
    letters = clean_code(code).upper().replace("O", "0").replace("I", "1").replace("L", "1")
    won = session.execute(
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.person_id == person_id,
            RecoveryCodeRow.code_hmac == _digest(services, person_id, letters),
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCodeRow.id)
    ).all()
    if not won:
        raise WrongCodeError("The code does not fit.")


def remove_recovery_codes(session: Session, *, person_id: str) -> None:
    """Delete the person's codes, with the last second factor or the person."""
    session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id))
    put_away_recovery_sheet(session, person_id=person_id)


def _digest(services: IdpServices, person_id: str, code: str) -> str:
    secret = derive_secret(services.sealing_secret, "recovery-code")
    return hmac.digest(secret, f"{person_id}:{code}".encode(), "sha256").hex()
