"""A person leaves an institution: all that it gave ends at once, in one transaction, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.person import hold_person
from idp.authentication.browser_session import end_browser_session
from idp.directory.institutions import find_institution
from idp.rights.assignment import ACTIVE as ACTIVE_ASSIGNMENT
from idp.rights.assignment import OPEN, close_assignment
from idp.rights.belonging import find_belonging
from idp.rights.delegation import list_delegations, withdraw_delegation
from idp.rights.model import AssignmentRow, BelongingRow
from idp.services import IdpServices
from idp.tokens.family import family_value, revoke_family
from idp.tokens.model import TokenFamilyRow
from kernel.errors import Conflict

LEFT = "left_institution"
#: RFC 5280 §5.3.1: the person works elsewhere, or the institution is gone.
AFFILIATION_CHANGED, CESSATION_OF_OPERATION = "affiliationChanged", "cessationOfOperation"


@dataclass(frozen=True)
class Departure:
    """What ended. :ivar sessions: browser sessions. :ivar families: of tokens, beside those of the sessions."""

    assignments: int
    delegations: int
    sessions: int
    families: int
    certificates: int


def leave_institution(
    session: Session,
    *,
    services: IdpServices,
    belonging_id: str,
    institution_id: str,
    reason: str = LEFT,
    actor: str,
    now: datetime,
) -> Departure:
    """End a belonging with everything that rests on it.

    Assignments, proposals and delegations of that institution; the browser sessions in which its rights went to
    applications, whose participants hear of the logout; the refresh families that carry them; the person's
    certificates that name the institution. What others gave stays.

    :param reason: ``left_institution`` or ``institution_closed``.
    :raises NotFound: (``unknown_belonging``) also for another institution's. :raises Conflict: (``belonging_ended``)
        somebody else was first.
    """
    person_id = find_belonging(session, belonging_id, institution_id=institution_id).person_id
    hold_person(session, person_id)
    ended = session.execute(
        update(BelongingRow)
        .where(BelongingRow.id == belonging_id, BelongingRow.ended_at.is_(None))
        .values(ended_at=now, ended_by=actor, ended_reason=reason, version=BelongingRow.version + 1, updated_at=now)
        .returning(BelongingRow.id)
    ).scalar_one_or_none()
    if ended is None:
        raise Conflict("The person has left already.", code="belonging_ended")
    assignments, concerned = _end_assignments(session, services, institution_id, person_id, reason, actor, now=now)
    delegations = list_delegations(session, institution_id=institution_id, person_id=person_id)
    for each in delegations:
        withdraw_delegation(session, journal=services.journal, delegation_id=each.id, actor=actor, now=now)
    sessions, families = _end_access(session, services, institution_id, person_id, concerned, now=now)
    certificates = services.certificates.revoke_institutional(
        session,
        person_id=person_id,
        institution_ruc=find_institution(session, institution_id).ruc,
        reason=CESSATION_OF_OPERATION if reason == "institution_closed" else AFFILIATION_CHANGED,
        actor=actor,
        now=now,
    )
    departure = Departure(assignments, len(delegations), sessions, families, certificates)
    event = Event(
        type=EventType.BELONGING_ENDED,
        subject=person_id,
        actor=actor,
        object_id=institution_id,
        details={
            "reason": reason,
            "assignments": departure.assignments,
            "delegations": departure.delegations,
            "sessions": departure.sessions,
            "families": departure.families,
            "certificates": departure.certificates,
        },
    )
    services.journal.record(session, event, now=now)
    session.expire_all()
    return departure


def forget_belongings(session: Session, *, services: IdpServices, person_id: str, actor: str, now: datetime) -> int:
    """Let a person whose account is erased leave every institution, and destroy what was written about him there.

    :return: how many institutions he left.
    """
    rows = session.execute(
        select(BelongingRow.id, BelongingRow.institution_id).where(
            BelongingRow.person_id == person_id, BelongingRow.ended_at.is_(None)
        )
    ).all()
    for row in rows:
        leave_institution(
            session,
            services=services,
            belonging_id=row.id,
            institution_id=row.institution_id,
            actor=actor,
            now=now,
        )
    session.execute(
        update(BelongingRow)
        .where(BelongingRow.person_id == person_id)
        .values(post="", external_id=None, user_name=None)
    )
    session.execute(
        update(AssignmentRow).where(AssignmentRow.person_id == person_id).values(reason="", ended_reason=None)
    )
    return len(rows)


def _end_assignments(
    session: Session,
    services: IdpServices,
    institution_id: str,
    person_id: str,
    reason: str,
    actor: str,
    *,
    now: datetime,
) -> tuple[int, set[str]]:
    rows = session.execute(
        select(AssignmentRow.id, AssignmentRow.client_id)
        .where(
            AssignmentRow.institution_id == institution_id,
            AssignmentRow.person_id == person_id,
            AssignmentRow.status.in_(OPEN),
        )
        .order_by(AssignmentRow.id)
    ).all()
    for row in rows:
        close_assignment(session, journal=services.journal, assignment_id=row.id, reason=reason, actor=actor, now=now)
    # An application in which another institution's rights stand is not left.
    elsewhere = set(
        session.scalars(
            select(AssignmentRow.client_id).where(
                AssignmentRow.person_id == person_id, AssignmentRow.status == ACTIVE_ASSIGNMENT
            )
        )
    )
    return len(rows), {row.client_id for row in rows} - elsewhere


def _end_access(
    session: Session,
    services: IdpServices,
    institution_id: str,
    person_id: str,
    concerned: set[str],
    *,
    now: datetime,
) -> tuple[int, int]:
    """End the sessions in which the institution's rights were given, and what lives on without them."""
    rows = session.scalars(
        select(TokenFamilyRow)
        .where(
            TokenFamilyRow.person_id == person_id,
            TokenFamilyRow.revoked_at.is_(None),
            TokenFamilyRow.expires_at > now,
        )
        .order_by(TokenFamilyRow.id)
    ).all()
    mine = [
        family
        for family in map(family_value, rows)
        if family.terms.institution == institution_id
        or (family.terms.institution is None and family.client_id in concerned)
    ]
    sids = sorted({family.sid for family in mine if family.sid is not None})
    ended = sum(
        end_browser_session(session, journal=services.journal, sid=sid, reason="left_institution", now=now)
        for sid in sids
    )
    revoked = sum(
        revoke_family(session, journal=services.journal, family_id=family.id, reason=LEFT, now=now) for family in mine
    )
    return ended, revoked
