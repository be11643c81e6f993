"""Raising and lowering a person's level: the row that says what it rests on, the event, and the level, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.model import PersonRow
from idp.accounts.person import ACTIVE, Person, find_person, hold_person
from idp.authentication.assurance import VERIFIED, WITH_CERTIFICATE
from idp.events.announcement import announce_to_services
from idp.levels.model import LevelEvidenceRow
from idp.protocol.security_event import assurance_level_change
from idp.services import IdpServices
from kernel.errors import Conflict
from kernel.identifiers import new_id

#: How an identity was checked: against the civil registry, at a desk, by a certificate of ours, by an operator.
REGISTRY, DESK, CERTIFICATE, OPERATOR = "registry", "desk", "certificate", "operator"
#: Which documents the evidence may name.
DOCUMENTS = ("cedula", "passport", "refugee_card")


@dataclass(frozen=True, kw_only=True)
class LevelEvidence:
    """One check of a person's identity that stands.

    :ivar reference: id or serial of what it left behind, if anything.
    :ivar document: which kind of document was looked at, where one was.
    """

    level: int
    method: str
    reference: str | None
    document: str | None
    checked_by: str
    established_at: datetime
    expires_at: datetime | None


def list_evidence(session: Session, person_id: str, *, now: datetime) -> list[LevelEvidence]:
    """Return what the person's level rests on now, the newest first."""
    rows = session.scalars(
        select(LevelEvidenceRow)
        .where(
            LevelEvidenceRow.person_id == person_id,
            LevelEvidenceRow.withdrawn_at.is_(None),
            (LevelEvidenceRow.expires_at.is_(None)) | (LevelEvidenceRow.expires_at > now),
        )
        .order_by(LevelEvidenceRow.established_at.desc(), LevelEvidenceRow.id.desc())
        .limit(20)
    )
    return [_value(row) for row in rows]


def record_evidence(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    level: int,
    method: str,
    actor: str,
    now: datetime,
    evidence: Mapping[str, str] | None = None,
    reference: str | None = None,
    document: str | None = None,
    x5t_s256: str | None = None,
    expires_at: datetime | None = None,
) -> Person:
    """Put on record that the person's identity was checked, and raise the level to ``level``; it never falls by it.

    :param evidence: what it rests on, in public words and ids, never a document's number.
    :raises Conflict: (``not_active``) for an account that is not active.
    """
    before = hold_person(session, person_id)
    if before.status != ACTIVE:
        raise Conflict("Only an active account has an identity to verify.", code="not_active")
    reached = max(before.level, level)
    session.execute(update(PersonRow).where(PersonRow.id == person_id).values(level=reached, updated_at=now))
    session.add(
        LevelEvidenceRow(
            id=new_id(),
            person_id=person_id,
            level=level,
            method=method,
            reference=reference,
            document=document if document in DOCUMENTS else None,
            x5t_s256=x5t_s256,
            checked_by=actor[:64],
            established_at=now,
            expires_at=expires_at,
        )
    )
    details: dict[str, str | int | bool | list[str] | None] = {"level": level, "method": method, **(evidence or {})}
    event = Event(type=EventType.ACCOUNT_IDENTITY_VERIFIED, subject=person_id, actor=actor, details=details)
    event_id = services.journal.record(session, event, now=now)
    _announce(session, person_id, before.level, reached, event_id=event_id, now=now)
    session.expire_all()
    return find_person(session, person_id)


def lower_level(
    session: Session, *, services: IdpServices, person_id: str, level: int, reason: str, actor: str, now: datetime
) -> Person:
    """Take back what lifted the person over ``level``. What rests on it stops at once: each use asks for the level.

    :param reason: a public word: ``operator``, ``certificate_revoked``, ``certificate_expired``.
    :raises Conflict: (``not_active``) for an account that is not active.
    """
    before = hold_person(session, person_id)
    if before.status != ACTIVE:
        raise Conflict("Only an active account has an identity to verify.", code="not_active")
    session.execute(
        update(LevelEvidenceRow)
        .where(
            LevelEvidenceRow.person_id == person_id,
            LevelEvidenceRow.level > level,
            LevelEvidenceRow.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now, withdrawn_reason=reason)
    )
    session.execute(update(PersonRow).where(PersonRow.id == person_id).values(level=level, updated_at=now))
    event = Event(
        type=EventType.LEVEL_LOWERED,
        subject=person_id,
        actor=actor,
        details={"level": level, "former_level": before.level, "reason": reason},
    )
    event_id = services.journal.record(session, event, now=now)
    _announce(session, person_id, before.level, level, event_id=event_id, now=now)
    session.expire_all()
    return find_person(session, person_id)


def note_certificate(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    serial: str,
    x5t_s256: str,
    not_after: datetime | None,
    now: datetime,
) -> None:
    """A person whose identity is verified logged in with a certificate of ours: the level is 3 while it stands.

    Who is at level 1 stays there: whatever took the verified identity back is not undone by an older certificate.
    """
    person = find_person(session, person_id)
    if person.level < VERIFIED or _standing(session, person_id, x5t_s256):
        return
    record_evidence(
        session,
        services=services,
        person_id=person_id,
        level=WITH_CERTIFICATE,
        method=CERTIFICATE,
        actor=person_id,
        evidence={"serial": serial},
        reference=serial,
        x5t_s256=x5t_s256,
        expires_at=not_after,
        now=now,
    )


def let_go_of_certificate(session: Session, *, services: IdpServices, x5t_s256: str, reason: str, now: datetime) -> int:
    """Withdraw what rests on the certificate; its holder falls to level 2 unless another one stands. Return how many.

    :param reason: ``certificate_revoked`` or ``certificate_expired``.
    """
    resting = (LevelEvidenceRow.x5t_s256 == x5t_s256, LevelEvidenceRow.withdrawn_at.is_(None))
    # Most certificates lift nobody: what nothing rests on writes nothing.
    if session.scalar(select(LevelEvidenceRow.id).where(*resting).limit(1)) is None:
        return 0
    withdrawn = session.execute(
        update(LevelEvidenceRow)
        .where(*resting)
        .values(withdrawn_at=now, withdrawn_reason=reason)
        .returning(LevelEvidenceRow.person_id)
    )
    people = sorted(set(withdrawn.scalars()))
    for person_id in people:
        person = hold_person(session, person_id)
        if person.is_active and person.level == WITH_CERTIFICATE and not _standing(session, person_id, None):
            lower_level(
                session,
                services=services,
                person_id=person_id,
                level=VERIFIED,
                reason=reason,
                actor="worker",
                now=now,
            )
    return len(people)


def lower_expired_levels(session: Session, *, services: IdpServices, now: datetime, limit: int = 200) -> int:
    """Withdraw what rested on certificates that have expired; return how many."""
    expired = session.scalars(
        select(LevelEvidenceRow.x5t_s256)
        .where(
            LevelEvidenceRow.expires_at <= now,
            LevelEvidenceRow.withdrawn_at.is_(None),
            LevelEvidenceRow.x5t_s256.is_not(None),
        )
        .order_by(LevelEvidenceRow.expires_at, LevelEvidenceRow.id)
        .limit(limit)
    ).all()
    return sum(
        let_go_of_certificate(session, services=services, x5t_s256=x5t_s256, reason="certificate_expired", now=now)
        for x5t_s256 in sorted({thumbprint for thumbprint in expired if thumbprint})
    )


def forget_evidence(session: Session, *, person_id: str) -> None:
    """Delete what an erased person's level rested on; the events stay, unreadable."""
    session.execute(delete(LevelEvidenceRow).where(LevelEvidenceRow.person_id == person_id))


def _standing(session: Session, person_id: str, x5t_s256: str | None) -> bool:
    query = select(LevelEvidenceRow.id).where(
        LevelEvidenceRow.person_id == person_id,
        LevelEvidenceRow.method == CERTIFICATE,
        LevelEvidenceRow.withdrawn_at.is_(None),
    )
    if x5t_s256 is not None:
        query = query.where(LevelEvidenceRow.x5t_s256 == x5t_s256)
    return session.scalar(query.limit(1)) is not None


def _announce(session: Session, person_id: str, before: int, after: int, *, event_id: str, now: datetime) -> None:
    if before != after:
        change = assurance_level_change(before=before, after=after, now=now)
        announce_to_services(session, change, person_id=person_id, event_id=event_id, now=now)


def _value(row: LevelEvidenceRow) -> LevelEvidence:
    return LevelEvidence(
        level=row.level,
        method=row.method,
        reference=row.reference,
        document=row.document,
        checked_by=row.checked_by,
        established_at=row.established_at,
        expires_at=row.expires_at,
    )
