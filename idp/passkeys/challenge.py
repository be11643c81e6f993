"""Challenges: given out for one journey of one browser, answered at most once, within five minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from idp.passkeys.ceremony import CEREMONY_SECONDS, PasskeyRefusedError
from idp.passkeys.model import PasskeyChallengeRow
from kernel.identifiers import new_secret

CHALLENGE_LIFETIME = timedelta(seconds=CEREMONY_SECONDS)
# Two windows of one login each have theirs; more than a few were never answered.
_AT_ONCE = 10

LOGIN, SECOND_FACTOR, REGISTRATION = "login", "second_factor", "registration"


def give_challenge(session: Session, *, purpose: str, journey: str, person_id: str | None, now: datetime) -> str:
    """Return a challenge of 32 random octets (base64url) that only this ``journey`` can have answered."""
    waiting = session.scalar(
        select(func.count()).select_from(PasskeyChallengeRow).where(PasskeyChallengeRow.journey == journey)
    )
    if (waiting or 0) >= _AT_ONCE:
        session.execute(delete(PasskeyChallengeRow).where(PasskeyChallengeRow.journey == journey))
    challenge = new_secret()
    session.add(
        PasskeyChallengeRow(
            challenge=challenge,
            purpose=purpose,
            journey=journey,
            person_id=person_id,
            expires_at=now + CHALLENGE_LIFETIME,
        )
    )
    session.flush()
    return challenge


def use_challenge(
    session: Session, *, challenge: str, purpose: str, journey: str, person_id: str | None, now: datetime
) -> None:
    """Use the challenge up: of any number at once exactly one succeeds.

    :raises PasskeyRefusedError: if it was not given out for this, was used, or is too old.
    """
    used = session.execute(
        delete(PasskeyChallengeRow)
        .where(
            PasskeyChallengeRow.challenge == challenge,
            PasskeyChallengeRow.purpose == purpose,
            PasskeyChallengeRow.journey == journey,
            PasskeyChallengeRow.person_id.is_(None)
            if person_id is None
            else PasskeyChallengeRow.person_id == person_id,
        )
        .returning(PasskeyChallengeRow.expires_at)
    ).scalar_one_or_none()
    if used is None:
        raise PasskeyRefusedError("challenge")
    if used <= now:
        raise PasskeyRefusedError("challenge_expired")


def remove_old_challenges(session: Session, *, now: datetime) -> None:
    """Delete challenges that nobody answered in time."""
    session.execute(delete(PasskeyChallengeRow).where(PasskeyChallengeRow.expires_at <= now))
