"""Signing keys come, take over and go: the next one is known to everyone before it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.services import IdpServices
from idp.tokens.key_ring import ACTIVE, NEXT, RETIRED, TOKEN_ALGORITHMS
from idp.tokens.model import SigningKeyRow
from kernel.errors import Conflict
from kernel.identifiers import new_id
from keys.signer import Algorithm

# How long relying applications may hold our key set before they must ask again.
JWKS_CACHE_LIFETIME = timedelta(minutes=15)
# A new key is published this long before it signs: four times what anyone may cache.
PUBLICATION_LEAD = timedelta(hours=1)
ACTIVE_LIFETIME = timedelta(days=90)
# A retired key stays published: ID tokens come back as hints at logout long after they expired.
RETIRED_LIFETIME = timedelta(days=30)


@dataclass(frozen=True)
class SigningKey:
    """A signing key as operators see it."""

    kid: str
    algorithm: str
    state: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


def list_signing_keys(session: Session) -> list[SigningKey]:
    """Return all signing keys, oldest first."""
    rows = session.scalars(select(SigningKeyRow).order_by(SigningKeyRow.algorithm, SigningKeyRow.created_at))
    return [
        SigningKey(row.kid, row.algorithm, row.state, row.created_at, row.activated_at, row.retired_at) for row in rows
    ]


def ensure_signing_keys(session: Session, services: IdpServices, *, now: datetime) -> None:
    """Make the active and the next key of each algorithm where one is missing.

    The very first active key was not published before: nobody can have cached a key set of ours then.
    """
    for algorithm in TOKEN_ALGORITHMS:
        states = set(session.scalars(select(SigningKeyRow.state).where(SigningKeyRow.algorithm == algorithm)))
        for state in (ACTIVE, NEXT):
            if state not in states:
                _create(session, services, algorithm, state, now=now)


def rotate_signing_keys(session: Session, services: IdpServices, *, now: datetime, force: bool = False) -> None:
    """Let the next key of each algorithm take over, retire the active one, make a new next one.

    :param force: do not wait until the next key was published long enough, because the active one is lost or stolen.
    :raises Conflict: (``key_too_young``) if it was not, without ``force``; nothing is changed then.
    """
    ensure_signing_keys(session, services, now=now)
    for algorithm in TOKEN_ALGORITHMS:
        following = session.scalars(
            select(SigningKeyRow)
            .where(SigningKeyRow.algorithm == algorithm, SigningKeyRow.state == NEXT)
            .order_by(SigningKeyRow.created_at)
            .with_for_update()
        ).all()[0]
        if following.created_at > now - PUBLICATION_LEAD and not force:
            raise Conflict(
                "The next key has not been published for an hour yet: relying applications may not know it.",
                code="key_too_young",
            )
        retired = session.scalars(
            update(SigningKeyRow)
            .where(SigningKeyRow.algorithm == algorithm, SigningKeyRow.state == ACTIVE)
            .values(state=RETIRED, retired_at=now)
            .returning(SigningKeyRow.kid)
        ).all()
        for kid in retired:
            _record(session, services, EventType.SIGNING_KEY_RETIRED, kid, algorithm, now=now)
        following.state, following.activated_at = ACTIVE, now
        session.flush()
        _record(session, services, EventType.SIGNING_KEY_ACTIVATED, following.kid, algorithm, now=now)
        _create(session, services, algorithm, NEXT, now=now)


def rotate_if_due(session: Session, services: IdpServices, *, now: datetime) -> bool:
    """Rotate when the active keys are old enough; tell whether it was done. The worker asks this now and then."""
    oldest = session.scalar(
        select(SigningKeyRow.activated_at)
        .where(SigningKeyRow.state == ACTIVE)
        .order_by(SigningKeyRow.activated_at)
        .limit(1)
    )
    if oldest is None or oldest > now - ACTIVE_LIFETIME:
        return False
    rotate_signing_keys(session, services, now=now)
    return True


def remove_retired_keys(session: Session, services: IdpServices, *, now: datetime) -> list[str]:
    """Take keys out of the key set when nothing that they signed is of use any more; return their names."""
    kids = list(
        session.scalars(
            delete(SigningKeyRow)
            .where(SigningKeyRow.state == RETIRED, SigningKeyRow.retired_at <= now - RETIRED_LIFETIME)
            .returning(SigningKeyRow.kid)
        )
    )
    for kid in kids:
        services.keystore.destroy(kid)
    return kids


def _create(session: Session, services: IdpServices, algorithm: str, state: str, *, now: datetime) -> None:
    kid = f"token-{algorithm.lower()}-{new_id()}"
    services.keystore.create(kid, Algorithm(algorithm))
    session.add(
        SigningKeyRow(
            kid=kid,
            algorithm=algorithm,
            state=state,
            created_at=now,
            activated_at=now if state == ACTIVE else None,
            retired_at=None,
        )
    )
    session.flush()
    _record(session, services, EventType.SIGNING_KEY_CREATED, kid, algorithm, now=now)


def _record(
    session: Session, services: IdpServices, kind: EventType, kid: str, algorithm: str, *, now: datetime
) -> None:
    event = Event(type=kind, object_id=kid, details={"algorithm": algorithm})
    services.journal.record(session, event, now=now)
