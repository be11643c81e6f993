"""Secrets of applications: made here, shown once, stored as a digest, two valid side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from joserfc.jwk import KeySet, OctKey
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.clients.auth_method import SECRET_METHODS, AuthMethod
from idp.clients.client import Client
from idp.clients.model import ClientSecretRow
from kernel.errors import Fault, NotFound, Rejected
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.prefetch import UNKNOWN, kept
from kernel.secret_text import SecretText
from keys.sealing import Sealer

ROTATION_OVERLAP = timedelta(days=7)
# Fewer different characters than these do not come about at random: it is a placeholder that was forgotten.
_DISTINCT = 12


def add_secret(
    session: Session,
    *,
    client_id: str,
    sealing_secret: bytes | None = None,
    given: SecretText | None = None,
    now: datetime,
) -> SecretText:
    """Add a secret of 256 random bits and return it.

    It is random in full, so a plain SHA-256 is all that its storage needs: there is no dictionary to try.

    :param given: one that another installation of this service made; None: a new one.
    :raises Rejected: (``bad_client_secret``) ``given`` is shorter than those that are made here.

    :param sealing_secret: given for ``client_secret_jwt`` alone: the secret is kept sealed, too, and has 512 bits, as
        HS512 asks for (RFC 7518 §3.2).
    """
    octets = 32 if sealing_secret is None else 64
    secret, row_id = given.reveal() if given else new_secret(octets), new_id()
    least = -(-octets * 4 // 3)
    if not re.fullmatch(rf"[!-~]{{{least},512}}", secret) or len(set(secret)) < _DISTINCT:
        raise Rejected(f"A secret has {least} random characters at least, and no blanks.", code="bad_client_secret")
    sealed = sealing_secret and _sealer(sealing_secret).seal(secret.encode(), bound_to=row_id)
    session.add(
        ClientSecretRow(
            id=row_id,
            client_id=client_id,
            secret_sha256=sha256_hex(secret),
            sealed_secret=sealed,
            created_at=now,
            expires_at=None,
        )
    )
    session.flush()
    return SecretText(secret)


def secret_keys(session: Session, *, client_id: str, sealing_secret: bytes, now: datetime) -> KeySet:
    """Return the client's valid secrets as keys that verify a MAC (OpenID Connect Core §9 ``client_secret_jwt``)."""
    rows = session.scalars(
        select(ClientSecretRow).where(
            ClientSecretRow.client_id == client_id, ClientSecretRow.sealed_secret.is_not(None), _valid(now)
        )
    ).all()
    sealer = _sealer(sealing_secret)
    return KeySet([OctKey.import_key(sealer.open(row.sealed_secret or b"", bound_to=row.id)) for row in rows])


def rotate_secret(
    session: Session,
    *,
    journal: Journal,
    client: Client,
    sealing_secret: bytes | None = None,
    overlap: timedelta = ROTATION_OVERLAP,
    given: SecretText | None = None,
    actor: str | None = None,
    now: datetime,
) -> SecretText:
    """Make a new secret and return it; the newest old one stays valid for ``overlap``, older ones end now.

    :param sealing_secret: needed where the method is ``client_secret_jwt``.
    :param given: as :func:`add_secret` takes it.
    :raises Rejected: ``bad_client_secret``; (``no_client_secret``) the client does not authenticate with a secret.
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
    secret = add_secret(
        session,
        client_id=client.client_id,
        sealing_secret=sealing_secret_for(client.auth_method, sealing_secret),
        given=given,
        now=now,
    )
    event = Event(
        type=EventType.CLIENT_SECRET_ROTATED,
        actor=actor,
        client_id=client.client_id,
        details={"previous_valid_until": (now + overlap).isoformat()},
    )
    journal.record(session, event, now=now)
    return secret


@dataclass(frozen=True)
class KnownSecret:
    """That there is a secret, never what it is. :ivar expires_at: None: until it is replaced."""

    id: str
    created_at: datetime
    expires_at: datetime | None


def list_secrets(session: Session, *, client_id: str, now: datetime) -> list[KnownSecret]:
    """Return the client's valid secrets, the newest first."""
    rows = session.scalars(
        select(ClientSecretRow)
        .where(ClientSecretRow.client_id == client_id, _valid(now))
        .order_by(ClientSecretRow.created_at.desc(), ClientSecretRow.id.desc())
    )
    return [KnownSecret(row.id, row.created_at, row.expires_at) for row in rows]


def withdraw_secret(
    session: Session, *, journal: Journal, client_id: str, secret_id: str, actor: str | None = None, now: datetime
) -> None:
    """End one secret now; another stays.

    :raises NotFound: (``unknown_secret``) there is none, or it ended. :raises Rejected: (``last_secret``) nothing else
        would let the application prove who it is: make a new one that ends this one at once.
    """
    valid = session.scalars(
        select(ClientSecretRow).where(ClientSecretRow.client_id == client_id, _valid(now)).with_for_update()
    ).all()
    found = [row for row in valid if row.id == secret_id]
    if not found:
        raise NotFound("There is no such secret.", code="unknown_secret")
    if len(valid) == 1:
        raise Rejected("It is the last one.", code="last_secret")
    found[0].expires_at = now
    event = Event(type=EventType.CLIENT_SECRET_WITHDRAWN, actor=actor, client_id=client_id, object_id=secret_id)
    journal.record(session, event, now=now)


def sealing_secret_for(method: AuthMethod, sealing_secret: bytes | None) -> bytes | None:
    """Return what seals the secret of a client of this method; None where a digest is all that is kept.

    :raises Fault: (``no_sealing_secret``) the caller has none and the method needs it.
    """
    if method is not AuthMethod.CLIENT_SECRET_JWT:
        return None
    if sealing_secret is None:
        raise Fault("client_secret_jwt needs what seals its secret.", code="no_sealing_secret")
    return sealing_secret


def has_valid_secret(session: Session, *, client_id: str, now: datetime) -> bool:
    """Tell whether the client has a secret to authenticate with."""
    found = select(ClientSecretRow.id).where(ClientSecretRow.client_id == client_id, _valid(now)).limit(1)
    return session.scalar(found) is not None


def is_valid_secret(session: Session, *, client_id: str, presented: str, now: datetime) -> bool:
    """Tell whether ``presented`` is one of the client's valid secrets; each comparison takes constant time."""
    digest = sha256_hex(presented)
    stored = kept(session, ClientSecretRow, client_id)
    if stored is UNKNOWN:
        stored = session.scalars(select(ClientSecretRow).where(ClientSecretRow.client_id == client_id)).all()
    valid = [row.secret_sha256 for row in stored if row.expires_at is None or row.expires_at > now]
    return any(compare_digest(digest, secret_sha256) for secret_sha256 in valid)


def _sealer(sealing_secret: bytes) -> Sealer:
    return Sealer(sealing_secret, "client-secret")


def _valid(now: datetime) -> ColumnElement[bool]:
    return or_(ClientSecretRow.expires_at.is_(None), ClientSecretRow.expires_at > now)
