"""Signing keys come, take over and go: the next one is known to everyone before it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.services import IdpServices
from idp.tokens.key_ring import ACTIVE, NEXT, RETIRED
from idp.tokens.model import SigningKeyRow
from kernel.errors import Conflict
from kernel.identifiers import new_id
from keys.signer import Algorithm

# How long relying applications may hold our key set before they must ask again.
JWKS_CACHE_LIFETIME = timedelta(minutes=15)
# A new key is published this long before it signs: four times what anyone may cache.
PUBLICATION_LEAD = timedelta(hours=1)
ACTIVE_LIFETIME = timedelta(days=90)
# Enough until 2030 (NIST SP 800-57 part 1, table 2) for signatures that count for minutes by a key that serves for
# ninety days; a modulus of 3072 bits signs four times slower. The least that RFC 7518 §3.3 allows.
RSA_BITS = 2048
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
    revoked_at: datetime | None


def list_signing_keys(session: Session) -> list[SigningKey]:
    """Return all signing keys, oldest first."""
    rows = session.scalars(select(SigningKeyRow).order_by(SigningKeyRow.algorithm, SigningKeyRow.created_at))
    return [
        SigningKey(row.kid, row.algorithm, row.state, row.created_at, row.activated_at, row.retired_at, row.revoked_at)
        for row in rows
    ]


def ensure_signing_keys(session: Session, services: IdpServices, *, now: datetime) -> None:
    """Make the active and the next key of each algorithm where one is missing.

    The very first active key of an algorithm was not published before: nobody uses the algorithm yet, so nobody waits
    for a token of it with a key set from before.
    """
    for algorithm in TOKEN_ALGORITHMS:
        states = set(session.scalars(select(SigningKeyRow.state).where(SigningKeyRow.algorithm == algorithm)))
        for state in (ACTIVE, NEXT):
            if state not in states:
                create_signing_key(session, services, algorithm, state, now=now)
    services.token_keys.forget()


def rotate_signing_keys(session: Session, services: IdpServices, *, algorithm: str, now: datetime) -> None:
    """Let the algorithm's next key take over, retire the active one, make a new next one.

    :raises Conflict: (``key_too_young``) if relying applications may not know the next key yet.
    """
    following = next_signing_key(session, algorithm)
    if following is None or following.created_at > now - PUBLICATION_LEAD:
        raise Conflict(
            f"The next {algorithm} key has not been published for an hour yet: relying applications may not know it.",
            code="key_too_young",
        )
    retired = session.scalars(
        update(SigningKeyRow)
        .where(SigningKeyRow.algorithm == algorithm, SigningKeyRow.state == ACTIVE)
        .values(state=RETIRED, retired_at=now)
        .returning(SigningKeyRow.kid)
    ).all()
    for kid in retired:
        record_key(session, services, EventType.SIGNING_KEY_RETIRED, kid, algorithm, now=now)
    activate_signing_key(session, services, following, now=now)
    create_signing_key(session, services, algorithm, NEXT, now=now)
    services.token_keys.forget()


def due_algorithms(session: Session, *, now: datetime) -> list[str]:
    """Return the algorithms whose active key is old enough to be followed by the next. The worker asks now and then."""
    due = session.scalars(
        select(SigningKeyRow.algorithm).where(
            SigningKeyRow.state == ACTIVE, SigningKeyRow.activated_at <= now - ACTIVE_LIFETIME
        )
    )
    return sorted(due)


def remove_retired_keys(session: Session, services: IdpServices, *, now: datetime) -> list[str]:
    """Take keys out of the key set when nothing that they signed is of use any more.

    :returns: their names; the caller removes them from the key store after the commit.
    """
    kids = list(
        session.scalars(
            delete(SigningKeyRow)
            .where(SigningKeyRow.state == RETIRED, SigningKeyRow.retired_at <= now - RETIRED_LIFETIME)
            .returning(SigningKeyRow.kid)
        )
    )
    if kids:
        services.token_keys.forget()
    return kids


def next_signing_key(session: Session, algorithm: str) -> SigningKeyRow | None:
    """Return the algorithm's next key, locked against other rotations; None if another one takes it just now."""
    return session.scalars(
        select(SigningKeyRow)
        .where(SigningKeyRow.algorithm == algorithm, SigningKeyRow.state == NEXT)
        .order_by(SigningKeyRow.created_at)
        .with_for_update()
    ).first()


def activate_signing_key(session: Session, services: IdpServices, row: SigningKeyRow, *, now: datetime) -> None:
    """Let the key sign from now on; the one that did so before must be retired or revoked by then."""
    row.state, row.activated_at = ACTIVE, now
    session.flush()
    record_key(session, services, EventType.SIGNING_KEY_ACTIVATED, row.kid, row.algorithm, now=now)


def create_signing_key(session: Session, services: IdpServices, algorithm: str, state: str, *, now: datetime) -> None:
    """Make a key in the store and its row."""
    kid = f"token-{algorithm.lower()}-{new_id()}"
    services.keystore.create(kid, Algorithm(algorithm), rsa_bits=RSA_BITS)
    session.add(
        SigningKeyRow(
            kid=kid,
            algorithm=algorithm,
            state=state,
            created_at=now,
            activated_at=now if state == ACTIVE else None,
            retired_at=None,
            revoked_at=None,
        )
    )
    session.flush()
    record_key(session, services, EventType.SIGNING_KEY_CREATED, kid, algorithm, now=now)


def record_key(
    session: Session, services: IdpServices, kind: EventType, kid: str, algorithm: str, *, now: datetime
) -> None:
    """Put on record what happened to a key."""
    event = Event(type=kind, object_id=kid, details={"algorithm": algorithm})
    services.journal.record(session, event, now=now)
