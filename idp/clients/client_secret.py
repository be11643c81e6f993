"""Secrets of applications: made here, shown once, stored as a digest, two valid side by side."""

from __future__ import annotations

from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.clients.auth_method import SECRET_METHODS
from idp.clients.client import Client
from idp.clients.model import ClientSecretRow
from kernel.errors import Rejected
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.secret_text import SecretText

ROTATION_OVERLAP = timedelta(days=7)


def add_secret(session: Session, *, client_id: str, now: datetime) -> SecretText:
    """Add a secret of 256 random bits and return it.

    It is random in full, so a plain SHA-256 is all that its storage needs: there is no dictionary to try.
    """
    secret = new_secret()
    session.add(
        ClientSecretRow(
            id=new_id(), client_id=client_id, secret_sha256=sha256_hex(secret), created_at=now, expires_at=None
        )
    )
    session.flush()
    return SecretText(secret)


def rotate_secret(
    session: Session,
    *,
    journal: Journal,
    client: Client,
    overlap: timedelta = ROTATION_OVERLAP,
    actor: str | None = None,
    now: datetime,
) -> SecretText:
    """Make a new secret and return it; the newest old one stays valid for ``overlap``, older ones end now.

    :raises Rejected: (``no_client_secret``) if the client does not authenticate with a secret.
    """
    if client.auth_method not in SECRET_METHODS:
        raise Rejected("This application does not authenticate with a secret.", code="no_client_secret")
    valid = session.scalars(
        select(ClientSecretRow)
        .where(ClientSecretRow.client_id == client.client_id, _valid(now))
        .order_by(ClientSecretRow.created_at.desc(), ClientSecretRow.id.desc())
        .with_for_update()
    ).all()
    for position, row in enumerate(valid):
        ends_at = now + overlap if position == 0 else now
        row.expires_at = min(row.expires_at, ends_at) if row.expires_at else ends_at
    secret = add_secret(session, client_id=client.client_id, now=now)
    event = Event(
        type=EventType.CLIENT_SECRET_ROTATED,
        actor=actor,
        client_id=client.client_id,
        details={"previous_valid_until": (now + overlap).isoformat()},
    )
    journal.record(session, event, now=now)
    return secret


def is_valid_secret(session: Session, *, client_id: str, presented: str, now: datetime) -> bool:
    """Tell whether ``presented`` is one of the client's valid secrets; each comparison takes constant time."""
    digest = sha256_hex(presented)
    stored = session.scalars(
        select(ClientSecretRow.secret_sha256).where(ClientSecretRow.client_id == client_id, _valid(now))
    ).all()
    return any(compare_digest(digest, secret_sha256) for secret_sha256 in stored)


def _valid(now: datetime) -> ColumnElement[bool]:
    return or_(ClientSecretRow.expires_at.is_(None), ClientSecretRow.expires_at > now)
