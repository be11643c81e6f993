"""The second person: approves exactly what was proposed, or refuses it."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy import update
from sqlalchemy.orm import Session

from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.one_hand import accounts_in_one_hand, in_one_hand
from idp.accounts.person import hold_person
from idp.clients.hands import hands_of
from idp.rights.assignment import (
    ACTIVE,
    PENDING,
    PROPOSAL_LIFETIME,
    REASON_LIMIT,
    REFUSED,
    Assignment,
    assignment_value,
    find_assignment,
    proposal_digest,
    record_change,
    refuse_change,
)
from idp.rights.belonging import find_belonging_of
from idp.rights.catalog import find_role, may_use
from idp.rights.delegation import holds_delegation
from idp.rights.model import AssignmentRow
from idp.rights.told import tell_application
from kernel.errors import Conflict, Denied, NotFound, ServiceError


def decide_assignment(
    session: Session,
    *,
    journal: Journal,
    assignment_id: str,
    institution_id: str | None,
    approved: bool,
    seen_sha256: str,
    actor: str,
    reason: str = "",
    now: datetime,
) -> Assignment:
    """Approve or refuse a proposal, as the second person.

    :param institution_id: the one in which the actor acts; None: any (the command line).
    :param seen_sha256: digest of what the actor was shown: nothing else is approved.
    :raises NotFound: (``unknown_assignment``) also for another institution's.
    :raises Denied: ``own_proposal``, ``own_role``, ``role_not_delegated``; on record.
    :raises Conflict: ``proposal_changed``, ``proposal_decided`` (somebody else was first), ``proposal_expired``,
        ``belonging_ended``.
    """
    known = find_assignment(session, assignment_id, institution_id=institution_id)
    person = hold_person(session, known.person_id)
    row = session.get_one(AssignmentRow, assignment_id, populate_existing=True)
    role = find_role(session, row.role_id)

    def refuse(error: ServiceError) -> NoReturn:
        refuse_change(session, journal, error, role, row.institution_id, row.person_id, actor, now=now)

    if row.status != PENDING:
        raise Conflict("Somebody else has decided this.", code="proposal_decided")
    # What a personnel system proposes, those propose who may act as it.
    proposers = {row.proposed_by, *hands_of(session, row.proposed_by)}
    if any(accounts_in_one_hand(session, actor, each) for each in proposers):
        refuse(Denied("Nobody approves what he proposed himself.", code="own_proposal"))
    if in_one_hand(session, actor, person):
        refuse(Denied("Nobody decides about his own role.", code="own_role"))
    if not holds_delegation(
        session, actor=actor, institution_id=row.institution_id, role_id=role.id, to_approve=True, now=now
    ):
        refuse(Denied("Approving this role was not delegated to you.", code="role_not_delegated"))
    if approved:
        if row.proposed_at + PROPOSAL_LIFETIME <= now or any(
            each is not None and each <= now for each in (row.valid_until, row.kept_until)
        ):
            raise Conflict("The proposal is too old; propose it again.", code="proposal_expired")
        if not row.proposal_sha256 == seen_sha256 == proposal_digest(row, role) or role.retired:
            refuse(Conflict("This is not what was proposed any more.", code="proposal_changed"))
        belonging = find_belonging_of(session, institution_id=row.institution_id, person_id=row.person_id, lock=True)
        if belonging is None or belonging.id != row.belonging_id or not person.is_active:
            raise Conflict("The person does not work there any more.", code="belonging_ended")
        if not may_use(session, client_id=role.client_id, institution_id=row.institution_id):
            raise NotFound("The institution may not use this role.", code="role_not_offered")
    decided = session.execute(
        update(AssignmentRow)
        .where(AssignmentRow.id == assignment_id, AssignmentRow.status == PENDING)
        .values(
            status=ACTIVE if approved else REFUSED,
            decided_by=actor,
            decided_at=now,
            ended_reason=None if approved else reason[:REASON_LIMIT],
        )
        .returning(AssignmentRow.id)
    ).scalar_one_or_none()
    if decided is None:
        raise Conflict("Somebody else has decided this.", code="proposal_decided")
    session.refresh(row)
    event_id = record_change(
        session,
        journal,
        EventType.ASSIGNMENT_GRANTED if approved else EventType.ASSIGNMENT_REFUSED,
        row,
        role,
        actor,
        now=now,
    )
    if approved:
        tell_application(session, event_id=event_id, client_id=role.client_id, person_id=row.person_id, now=now)
    return assignment_value(row)
