"""Assignments: a role given by an institution to one of its people, by one person or by two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from audit.event import Event, canonical_json
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.accounts.one_hand import in_one_hand
from idp.accounts.person import hold_person
from idp.directory.institutions import find_institution
from idp.rights.belonging import Belonging, Moment, find_belonging_of
from idp.rights.catalog import Role, find_role, may_use
from idp.rights.delegation import COMMAND, holds_delegation
from idp.rights.model import AssignmentRow, RoleRow
from idp.rights.told import tell_application
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from kernel.identifiers import new_id, sha256_hex

PENDING, ACTIVE, REFUSED, ENDED = "pending", "active", "refused", "ended"
OPEN = (PENDING, ACTIVE)
#: Why one ended whose time was over when the role was given again.
EXPIRED = "expired"
REASON_LIMIT = 500
#: How long a proposal waits for the second person.
PROPOSAL_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A role in somebody's hands, or proposed for them; fields as in the table."""

    id: str
    role_id: str
    client_id: str
    institution_id: str
    person_id: str
    belonging_id: str
    status: str
    reason: str
    valid_from: datetime
    valid_until: datetime | None
    proposal_sha256: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    ended_reason: str | None
    last_used_at: datetime | None
    source_id: str | None
    kept_until: datetime | None

    def counts(self, now: datetime) -> bool:
        """Tell whether its own dates and state let it count at ``now``."""
        ends = [each for each in (self.valid_until, self.kept_until) if each is not None]
        return self.status == ACTIVE and self.valid_from <= now and all(now < each for each in ends)


def counting(now: Moment) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a row of assignments counts by itself at ``now``."""
    return (
        AssignmentRow.status == ACTIVE,
        AssignmentRow.valid_from <= now,
        not_over(now),
    )


def not_over(now: Moment) -> ColumnElement[bool]:
    """Return the condition under which neither its own date nor that of its source has ended an assignment."""
    return and_(
        or_(AssignmentRow.valid_until.is_(None), AssignmentRow.valid_until > now),
        or_(AssignmentRow.kept_until.is_(None), AssignmentRow.kept_until > now),
    )


def assign_role(
    session: Session,
    *,
    journal: Journal,
    institution_id: str,
    person_id: str,
    role_id: str,
    reason: str,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    actor: str,
    by_system: bool = False,
    now: datetime,
) -> Assignment:
    """Give a role, or propose it where the role asks for a second person.

    :param actor: a delegated administrator, ``command``, or the client of a personnel system.
    :param by_system: the actor is a personnel system: it was checked by its own list, and gives nothing sensitive.
    :raises NotFound: ``unknown_role``, ``unknown_belonging`` (also for who left, and for another institution's people),
        ``role_not_offered``.
    :raises Denied: ``own_role``, ``role_not_delegated``, ``sensitive_role``; on record.
    :raises Conflict: ``role_held_already``, ``roles_exclude_each_other``, ``not_active``, ``institution_closed``.
    :raises Rejected: ``bad_dates``, ``too_long``, ``no_reason``.
    """
    person = hold_person(session, person_id)  # whoever changes what he holds, or lets him leave, takes turns by it
    role = find_role(session, role_id)

    def refuse(error: ServiceError) -> NoReturn:
        refuse_change(session, journal, error, role, institution_id, person_id, actor, now=now)

    belonging = find_belonging_of(session, institution_id=institution_id, person_id=person_id, lock=True)
    if belonging is None:
        raise NotFound("There is no such person at this institution.", code="unknown_belonging")
    if in_one_hand(session, actor, person):
        refuse(Denied("Nobody gives a role to himself.", code="own_role"))
    if not find_institution(session, institution_id).active:
        raise Conflict("This institution is closed.", code="institution_closed")
    if role.retired or not may_use(session, client_id=role.client_id, institution_id=institution_id):
        raise NotFound("The institution may not use this role.", code="role_not_offered")
    if by_system and role.sensitive:
        refuse(Denied("A sensitive role is given by a person.", code="sensitive_role"))
    if not by_system and not holds_delegation(
        session, actor=actor, institution_id=institution_id, role_id=role_id, to_approve=False, now=now
    ):
        refuse(Denied("This role was not delegated to you.", code="role_not_delegated"))
    if not person.is_active:
        raise Conflict("Only an active account holds a role.", code="not_active")
    begins, ends = dates_of(role, belonging, valid_from, valid_until, now=now)
    end_what_is_over(session, journal, institution_id=institution_id, person_id=person_id, role_id=role_id, now=now)
    require_free(session, role, institution_id=institution_id, person_id=person_id, now=now)
    return place_assignment(
        session,
        journal=journal,
        role=role,
        belonging=belonging,
        reason=_valid_reason(reason),
        begins=begins,
        ends=ends,
        actor=actor,
        now=now,
    )


def place_assignment(
    session: Session,
    *,
    journal: Journal,
    role: Role,
    belonging: Belonging,
    reason: str,
    begins: datetime,
    ends: datetime | None,
    actor: str,
    source_id: str | None = None,
    kept_until: datetime | None = None,
    now: datetime,
) -> Assignment:
    """Write an assignment down, or a proposal where the role asks for a second person; every rule was asked before.

    :param source_id: the directory or provider whose group gives it, with ``kept_until``.
    """
    row = AssignmentRow(
        id=new_id(),
        role_id=role.id,
        client_id=role.client_id,
        institution_id=belonging.institution_id,
        person_id=belonging.person_id,
        belonging_id=belonging.id,
        status=PENDING if role.needs_approval else ACTIVE,
        reason=reason,
        valid_from=begins,
        valid_until=ends,
        proposal_sha256="",
        proposed_by=actor,
        proposed_at=now,
        source_id=source_id,
        kept_until=kept_until,
    )
    row.proposal_sha256 = proposal_digest(row, role)
    session.add(row)
    session.flush()
    kind = EventType.ASSIGNMENT_PROPOSED if role.needs_approval else EventType.ASSIGNMENT_GRANTED
    event_id = record_change(session, journal, kind, row, role, actor, now=now)
    if not role.needs_approval:
        tell_application(session, event_id=event_id, client_id=role.client_id, person_id=belonging.person_id, now=now)
    return assignment_value(row)


def end_assignment(
    session: Session,
    *,
    journal: Journal,
    assignment_id: str,
    institution_id: str | None,
    reason: str,
    actor: str,
    now: datetime,
) -> Assignment:
    """Take a role away, or a proposal back; it counts no more at once.

    :raises NotFound: (``unknown_assignment``) also for another institution's.
    :raises Denied: (``role_not_delegated``); on record. :raises Conflict: (``assignment_over``).
    :raises Rejected: (``no_reason``).
    """
    known = find_assignment(session, assignment_id, institution_id=institution_id)
    role = find_role(session, known.role_id)
    # Giving away less needs less: who may approve may end, and so may whoever proposed it.
    if known.proposed_by != actor and not any(
        holds_delegation(
            session, actor=actor, institution_id=known.institution_id, role_id=role.id, to_approve=each, now=now
        )
        for each in (False, True)
    ):
        error = Denied("This role was not delegated to you.", code="role_not_delegated")
        refuse_change(session, journal, error, role, known.institution_id, known.person_id, actor, now=now)
    ended = close_assignment(
        session, journal=journal, assignment_id=assignment_id, reason=_valid_reason(reason), actor=actor, now=now
    )
    if ended is None:
        raise Conflict("This assignment is over already.", code="assignment_over")
    return ended


def close_assignment(
    session: Session, *, journal: Journal, assignment_id: str, reason: str, actor: str, now: datetime
) -> Assignment | None:
    """End one assignment, with its event and what the application is told; None if it was over already."""
    ended = session.execute(
        update(AssignmentRow)
        .where(AssignmentRow.id == assignment_id, AssignmentRow.status.in_(OPEN))
        .values(status=ENDED, ended_by=actor, ended_at=now, ended_reason=reason)
        .returning(AssignmentRow.id)
    ).scalar_one_or_none()
    if ended is None:
        return None
    row = session.get_one(AssignmentRow, assignment_id, populate_existing=True)
    role = find_role(session, row.role_id)
    event_id = record_change(session, journal, EventType.ASSIGNMENT_ENDED, row, role, actor, now=now)
    if row.decided_at is not None or not role.needs_approval:
        tell_application(session, event_id=event_id, client_id=row.client_id, person_id=row.person_id, now=now)
    return assignment_value(row)


def find_assignment(session: Session, assignment_id: str, *, institution_id: str | None) -> Assignment:
    """Return the assignment, whatever its state. :raises NotFound: (``unknown_assignment``) also for another's."""
    row = session.get(AssignmentRow, assignment_id, populate_existing=True)
    if row is None or (institution_id is not None and row.institution_id != institution_id):
        raise NotFound("There is no such assignment.", code="unknown_assignment")
    return assignment_value(row)


def proposal_digest(row: AssignmentRow, role: Role) -> str:
    """Return the digest of exactly what is proposed: who gets what, where, for how long, why, and what it allows."""
    document = {
        "id": row.id,
        "institution": row.institution_id,
        "person": row.person_id,
        "belonging": row.belonging_id,
        "role": role.id,
        "permissions": sorted(role.permissions),
        "reason": row.reason,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "proposed_by": row.proposed_by,
    }
    return sha256_hex(canonical_json(document))


def assignment_value(row: AssignmentRow) -> Assignment:
    """Return a row as a value."""
    return Assignment(**{name: getattr(row, name) for name in Assignment.__dataclass_fields__})


def dates_of(
    role: Role, belonging: Belonging, valid_from: datetime | None, valid_until: datetime | None, *, now: datetime
) -> tuple[datetime, datetime | None]:
    """Return from when until when: no longer than the role allows, nor than the person works there.

    :raises Rejected: ``too_long``, ``bad_dates``.
    """
    begins = max(valid_from or now, belonging.since)
    limits = [each for each in (valid_until, belonging.until) if each is not None]
    ends = min(limits) if limits else None
    if role.max_days is not None:
        latest = begins + timedelta(days=role.max_days)
        if valid_until is not None and valid_until > latest:
            raise Rejected(f"This role is given for {role.max_days} days at most.", code="too_long")
        ends = min(ends, latest) if ends else latest
    if ends is not None and ends <= max(begins, now):
        raise Rejected("It ends before it begins.", code="bad_dates")
    return begins, ends


def require_free(session: Session, role: Role, *, institution_id: str, person_id: str, now: datetime) -> None:
    """Require that the person neither holds the role nor one that excludes it.

    :raises Conflict: ``role_held_already``, ``roles_exclude_each_other``.
    """
    held = session.execute(
        select(RoleRow.name, RoleRow.id, AssignmentRow.institution_id)
        .join(AssignmentRow, AssignmentRow.role_id == RoleRow.id)
        .where(
            AssignmentRow.person_id == person_id,
            AssignmentRow.client_id == role.client_id,
            AssignmentRow.status.in_(OPEN),
            not_over(now),
            RoleRow.retired_at.is_(None),
        )
    ).all()
    if any(each.id == role.id and each.institution_id == institution_id for each in held):
        raise Conflict("The person holds this role, or it is proposed already.", code="role_held_already")
    # Whichever institution gave it: duties that must not meet in one hand do not meet because two gave them.
    if any(each.name in role.excludes for each in held):
        raise Conflict("The person holds a role that excludes this one.", code="roles_exclude_each_other")


def end_what_is_over(
    session: Session, journal: Journal, *, institution_id: str, person_id: str, role_id: str, now: datetime
) -> None:
    """Put down as ended what its date ended, so that the same role can be given again."""
    over = session.scalars(
        select(AssignmentRow.id).where(
            AssignmentRow.role_id == role_id,
            AssignmentRow.institution_id == institution_id,
            AssignmentRow.person_id == person_id,
            AssignmentRow.status.in_(OPEN),
            or_(
                AssignmentRow.valid_until <= now,
                AssignmentRow.kept_until <= now,
                (AssignmentRow.status == PENDING) & (AssignmentRow.proposed_at <= now - PROPOSAL_LIFETIME),
            ),
        )
    ).all()
    for each in over:
        close_assignment(session, journal=journal, assignment_id=each, reason=EXPIRED, actor=COMMAND, now=now)


def _valid_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason or len(reason) > REASON_LIMIT or not reason.isprintable():
        raise Rejected(f"Say why, in {REASON_LIMIT} characters at most.", code="no_reason")
    return reason


def record_change(
    session: Session, journal: Journal, kind: EventType, row: AssignmentRow, role: Role, actor: str, *, now: datetime
) -> str:
    """Put the change on record; return the event's id."""
    event = Event(
        type=kind,
        subject=row.person_id,
        actor=actor,
        client_id=row.client_id,
        object_id=row.id,
        details={
            "role": role.name,
            "institution": row.institution_id,
            "valid_from": row.valid_from.isoformat(),
            "valid_until": row.valid_until.isoformat() if row.valid_until else None,
            "proposal_sha256": row.proposal_sha256,
            "source": row.source_id,
        },
        private={"reason": (row.ended_reason or row.reason)},
    )
    return journal.record(session, event, now=now)


def refuse_change(
    session: Session,
    journal: Journal,
    error: ServiceError,
    role: Role,
    institution_id: str,
    person_id: str,
    actor: str,
    *,
    now: datetime,
) -> NoReturn:
    """Put a try against the rules on record. :raises ServiceError: ``error``."""
    event = Event(
        type=EventType.ASSIGNMENT_DENIED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        subject=person_id,
        actor=actor,
        client_id=role.client_id,
        object_id=institution_id,
        details={"role": role.name},
    )
    journal.refuse(session, event, error, now=now)
