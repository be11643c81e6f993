"""Key pairs to which others encrypt their requests: one of each kind is published, older ones still open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.vocabulary import EventType
from idp.services import IdpServices
from idp.tokens.key_ring import ACTIVE, RETIRED, REVOKED
from idp.tokens.key_rotation import ACTIVE_LIFETIME, record_key
from idp.tokens.model import EncryptionKeyRow
from kernel.identifiers import new_id
from keys.decrypter import EncryptionKind

# A key set may be cached for a quarter of an hour, and a request lives an hour at most.
OPENS_AFTER_RETIREMENT = timedelta(days=1)


@dataclass(frozen=True)
class EncryptionKey:
    """A key pair for encryption as operators see it."""

    kid: str
    kind: str
    state: str
    created_at: datetime
    retired_at: datetime | None


def list_encryption_keys(session: Session) -> list[EncryptionKey]:
    """Return all key pairs for encryption, oldest first."""
    rows = session.scalars(select(EncryptionKeyRow).order_by(EncryptionKeyRow.kind, EncryptionKeyRow.created_at))
    return [EncryptionKey(row.kid, row.kind, row.state, row.created_at, row.retired_at) for row in rows]


def ensure_encryption_keys(session: Session, services: IdpServices, *, now: datetime) -> None:
    """Make the published key of each kind where it is missing."""
    there = set(session.scalars(select(EncryptionKeyRow.kind).where(EncryptionKeyRow.state == ACTIVE)))
    for kind in EncryptionKind:
        if kind.value not in there:
            _create(session, services, kind, now=now)
    services.token_keys.forget()


def rotate_encryption_keys_if_due(session: Session, services: IdpServices, *, now: datetime) -> bool:
    """Publish a new key of each kind whose key is old enough; tell whether one was."""
    due = session.scalars(
        select(EncryptionKeyRow.kind).where(
            EncryptionKeyRow.state == ACTIVE, EncryptionKeyRow.created_at <= now - ACTIVE_LIFETIME
        )
    ).all()
    for kind in due:
        _replace(session, services, kind, state=RETIRED, event=EventType.ENCRYPTION_KEY_RETIRED, now=now)
    return bool(due)


def rotate_encryption_keys(session: Session, services: IdpServices, *, now: datetime) -> None:
    """Publish a new key of each kind now. Whoever has the old one in a cache may use it for a day."""
    for kind in EncryptionKind:
        _replace(session, services, kind.value, state=RETIRED, event=EventType.ENCRYPTION_KEY_RETIRED, now=now)


def revoke_encryption_keys(session: Session, services: IdpServices, *, now: datetime) -> list[str]:
    """Publish a new key of each kind and open nothing more that was encrypted to the old ones.

    :returns: their names; the caller removes them from the key store after the commit.
    """
    revoked = []
    for kind in EncryptionKind:
        revoked += _replace(
            session, services, kind.value, state=REVOKED, event=EventType.ENCRYPTION_KEY_REVOKED, now=now
        )
    return revoked


def remove_retired_encryption_keys(session: Session, services: IdpServices, *, now: datetime) -> list[str]:
    """Forget keys to which nobody encrypts any more.

    :returns: their names; the caller removes them from the key store after the commit.
    """
    kids = session.scalars(
        delete(EncryptionKeyRow)
        .where(EncryptionKeyRow.state == RETIRED, EncryptionKeyRow.retired_at <= now - OPENS_AFTER_RETIREMENT)
        .returning(EncryptionKeyRow.kid)
    ).all()
    if kids:
        services.token_keys.forget()
    return list(kids)


def _replace(
    session: Session, services: IdpServices, kind: str, *, state: str, event: EventType, now: datetime
) -> list[str]:
    """Give the published key (when it is revoked, the retired ones too) the new state and publish a fresh one."""
    ending = (ACTIVE,) if state == RETIRED else (ACTIVE, RETIRED)
    kids = session.scalars(
        update(EncryptionKeyRow)
        .where(EncryptionKeyRow.kind == kind, EncryptionKeyRow.state.in_(ending))
        .values(state=state, retired_at=now)
        .returning(EncryptionKeyRow.kid)
    ).all()
    for kid in kids:
        record_key(session, services, event, kid, kind, now=now)
    _create(session, services, EncryptionKind(kind), now=now)
    services.token_keys.forget()
    return list(kids)


def _create(session: Session, services: IdpServices, kind: EncryptionKind, *, now: datetime) -> None:
    kid = f"encryption-{kind.lower()}-{new_id()}"
    services.keystore.create_decrypter(kid, kind)
    session.add(EncryptionKeyRow(kid=kid, kind=kind.value, state=ACTIVE, created_at=now, retired_at=None))
    session.flush()
    record_key(session, services, EventType.ENCRYPTION_KEY_CREATED, kid, kind.value, now=now)
