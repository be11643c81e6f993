"""Initial access tokens: who may register applications without an administrator at hand (RFC 7591 §3).

Registration is never open. Whoever holds a token registers applications of one institution under one policy, with no
more scopes and APIs than the token names, as often as it says and until it expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.clients.model import InitialAccessTokenRow
from idp.clients.policy import POLICIES, ClientPolicy
from idp.clients.registration.uris import require_resource_identifier
from idp.directory.institutions import find_institution
from idp.protocol.errors import BearerTokenError
from idp.protocol.scope import OPENID, USUAL_SCOPES
from kernel.errors import NotFound, Rejected
from kernel.identifiers import new_id, new_secret, sha256_hex
from kernel.secret_text import SecretText

USES_LIMIT = 1000
LONGEST_LIFETIME = timedelta(days=366)


@dataclass(frozen=True)
class InitialAccess:
    """What a token allows, without the token.

    :ivar scopes: the most that an application registered with it may ask for; ``resources`` likewise.
    """

    id: str
    institution_id: str | None
    policy: ClientPolicy
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    uses_left: int
    expires_at: datetime
    revoked_at: datetime | None


def issue_initial_access_token(
    session: Session,
    *,
    journal: Journal,
    policy: str,
    institution_id: str | None,
    scopes: Sequence[str] = USUAL_SCOPES,
    resources: Sequence[str] = (),
    uses: int = 1,
    lifetime: timedelta = timedelta(days=7),
    actor: str | None = None,
    now: datetime,
) -> tuple[InitialAccess, SecretText]:
    """Make a token and return it: it is shown once and stored as a digest.

    :raises Rejected: ``unknown_policy``, ``bad_initial_access``, ``bad_resource``. :raises NotFound:
        ``unknown_institution``.
    """
    if policy not in POLICIES:
        raise Rejected(f"A policy is one of {', '.join(POLICIES)}.", code="unknown_policy")
    if institution_id is not None and not find_institution(session, institution_id).active:
        raise NotFound("This institution is closed.", code="unknown_institution")
    if not 1 <= uses <= USES_LIMIT or not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise Rejected(
            f"1 to {USES_LIMIT} uses, within {LONGEST_LIFETIME.days} days at most.", code="bad_initial_access"
        )
    for resource in resources:
        require_resource_identifier(resource)
    secret = new_secret()
    row = InitialAccessTokenRow(
        id=new_id(),
        token_sha256=sha256_hex(secret),
        institution_id=institution_id,
        policy=policy,
        scopes=list(dict.fromkeys((OPENID, *scopes))),
        resources=list(resources),
        uses_left=uses,
        created_by=actor,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    event = Event(
        type=EventType.INITIAL_ACCESS_TOKEN_ISSUED,
        actor=actor,
        object_id=row.id,
        details={
            "institution": institution_id,
            "policy": policy,
            "scopes": row.scopes,
            "resources": row.resources,
            "uses": uses,
            "expires_at": row.expires_at.isoformat(),
        },
    )
    journal.record(session, event, now=now)
    return _value(row), SecretText(secret)


def find_initial_access(session: Session, token: str, *, now: datetime) -> InitialAccess:
    """Return what ``token`` allows now.

    :raises BearerTokenError: unknown, expired, revoked or used up: the caller learns no more than ``invalid_token``.
    """
    row = session.scalars(
        select(InitialAccessTokenRow).where(InitialAccessTokenRow.token_sha256 == sha256_hex(token))
    ).one_or_none()
    if row is None:
        raise BearerTokenError("unknown_initial_access_token")
    if row.revoked_at is not None or row.expires_at <= now or row.uses_left < 1:
        raise BearerTokenError("spent_initial_access_token")
    return _value(row)


def initial_access_of(session: Session, access_id: str | None) -> InitialAccess | None:
    """Return what the token of this id allowed, whatever became of it; the bounds of its applications hold on."""
    row = session.get(InitialAccessTokenRow, access_id) if access_id else None
    return _value(row) if row else None


def list_initial_access(session: Session) -> list[InitialAccess]:
    """Return all tokens' permissions, newest first."""
    rows = session.scalars(select(InitialAccessTokenRow).order_by(InitialAccessTokenRow.id.desc()))
    return [_value(row) for row in rows]


def use_initial_access(session: Session, access: InitialAccess, *, now: datetime) -> None:
    """Count one use. :raises BearerTokenError: others were first; of any number at once no more than allowed win."""
    row = InitialAccessTokenRow
    used = session.execute(
        update(row)
        .where(row.id == access.id, row.uses_left > 0, row.expires_at > now, row.revoked_at.is_(None))
        .values(uses_left=row.uses_left - 1)
        .returning(row.id)
    ).scalar_one_or_none()
    if used is None:
        raise BearerTokenError("spent_initial_access_token")


def revoke_initial_access(
    session: Session, *, journal: Journal, access_id: str, actor: str | None = None, now: datetime
) -> InitialAccess:
    """End a token; applications that it registered stay. :raises NotFound: ``unknown_initial_access``."""
    row = session.get(InitialAccessTokenRow, access_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such permission.", code="unknown_initial_access")
    if row.revoked_at is None:
        row.revoked_at = now
        event = Event(type=EventType.INITIAL_ACCESS_TOKEN_REVOKED, actor=actor, object_id=row.id)
        journal.record(session, event, now=now)
    return _value(row)


def _value(row: InitialAccessTokenRow) -> InitialAccess:
    return InitialAccess(
        id=row.id,
        institution_id=row.institution_id,
        policy=POLICIES[row.policy],
        scopes=tuple(row.scopes),
        resources=tuple(row.resources),
        uses_left=row.uses_left,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
