"""Rights follow groups: what they are worth is given, kept and taken away, and nothing that a person gave is touched.

What a group gives counts until some time after the last login from there, so that nobody keeps it who comes no more. A
role that a person has taken away, or refused, is not given again by a group while the belonging stands.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import hold_person
from idp.directory.institutions import find_institution
from idp.rights.assignment import (
    ENDED,
    EXPIRED,
    OPEN,
    REFUSED,
    close_assignment,
    dates_of,
    end_what_is_over,
    place_assignment,
    require_free,
)
from idp.rights.belonging import Belonging, find_belonging_of
from idp.rights.catalog import Role, may_use
from idp.rights.delegation import COMMAND
from idp.rights.groups.mapping import roles_of_groups
from idp.rights.groups.source import GroupSource, is_source
from idp.rights.model import AssignmentRow
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected

GROUP_LEFT = "group_left"
REASON = "Grupo de la institución"


def follow_groups(
    session: Session,
    *,
    services: IdpServices,
    source: GroupSource,
    person_id: str,
    groups: Collection[str],
    logged_in_at: datetime,
    now: datetime,
) -> None:
    """Make the person's assignments from ``source`` those that the groups are worth; raises nothing for a role.

    A role that asks for a second person is proposed. One that another role excludes is not given, which is on record.

    :param groups: all that the source tells of, nested ones too. :param logged_in_at: of the last login from there.
    """
    person = hold_person(session, person_id)
    kept_until = logged_in_at + timedelta(days=services.settings.group_rights_days)
    belonging = find_belonging_of(session, institution_id=source.institution_id, person_id=person_id, lock=True)
    worth: list[Role] = []
    if (
        belonging is not None
        and belonging.stands(now)
        and person.is_active
        and kept_until > now
        and find_institution(session, source.institution_id).active
    ):
        worth = [
            role
            for role in roles_of_groups(session, source=source, groups=groups)
            if not role.sensitive and may_use(session, client_id=role.client_id, institution_id=source.institution_id)
        ]
    _take_away(session, services, source, person_id, {role.id for role in worth}, now=now)
    for role in worth:
        assert belonging is not None
        _give(session, services, source, belonging, role, kept_until=kept_until, now=now)


def take_all(session: Session, *, services: IdpServices, source: GroupSource, person_id: str, now: datetime) -> None:
    """Take away what the groups of ``source`` gave: the person has no account there any more."""
    hold_person(session, person_id)
    _take_away(session, services, source, person_id, set(), now=now)


def _take_away(
    session: Session,
    services: IdpServices,
    source: GroupSource,
    person_id: str,
    worth: Collection[str],
    *,
    now: datetime,
) -> None:
    rows = session.execute(
        select(AssignmentRow.id, AssignmentRow.role_id)
        .where(
            AssignmentRow.source_id == source.id, AssignmentRow.person_id == person_id, AssignmentRow.status.in_(OPEN)
        )
        .order_by(AssignmentRow.id)
    ).all()
    for row in rows:
        if row.role_id not in worth:
            close_assignment(
                session,
                journal=services.journal,
                assignment_id=row.id,
                reason=GROUP_LEFT,
                actor=source.actor,
                now=now,
            )


def _give(
    session: Session,
    services: IdpServices,
    source: GroupSource,
    belonging: Belonging,
    role: Role,
    *,
    kept_until: datetime,
    now: datetime,
) -> None:
    of = {"institution_id": source.institution_id, "person_id": belonging.person_id}
    end_what_is_over(session, services.journal, role_id=role.id, now=now, **of)
    latest = session.scalars(
        select(AssignmentRow)
        .where(AssignmentRow.role_id == role.id, AssignmentRow.belonging_id == belonging.id)
        .order_by(AssignmentRow.proposed_at.desc(), AssignmentRow.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if latest is not None and latest.status in OPEN:
        if latest.source_id == source.id and (latest.kept_until is None or latest.kept_until < kept_until):
            latest.kept_until = kept_until
            session.flush()
        return
    if latest is not None and _was_refused(latest):
        return
    try:
        require_free(session, role, now=now, **of)
        begins, ends = dates_of(role, belonging, None, None, now=now)
    except (Conflict, Rejected) as error:
        refused = Event(
            type=EventType.ASSIGNMENT_DENIED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            subject=belonging.person_id,
            actor=source.actor,
            client_id=role.client_id,
            object_id=source.institution_id,
            details={"role": role.name},
        )
        services.journal.record(session, refused, now=now)
        return
    place_assignment(
        session,
        journal=services.journal,
        role=role,
        belonging=belonging,
        reason=REASON,
        begins=begins,
        ends=ends,
        actor=source.actor,
        source_id=source.id,
        kept_until=kept_until,
        now=now,
    )


def _was_refused(row: AssignmentRow) -> bool:
    """Whether a person has said that this one shall not have it: refused the proposal, or took the role away."""
    if row.status == REFUSED:
        return True
    # What time or a source has ended can be given again.
    over = row.ended_by == COMMAND and row.ended_reason == EXPIRED
    return row.status == ENDED and not over and not is_source(row.ended_by)
