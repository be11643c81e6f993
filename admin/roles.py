"""Who holds which role: granting, withdrawing, and what an operator may do by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from admin.model import RoleAssignment
from admin.permissions import (
    APPOINTING_ROLES,
    BOUND_ROLES,
    DELEGATED,
    INSTITUTIONAL_ROLES,
    NATIONAL,
    PERMISSIONS,
    Permission,
    Role,
)
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.accounts.one_hand import accounts_in_one_hand
from idp.rights.delegation import delegated_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected
from kernel.identifiers import new_id


@dataclass(frozen=True)
class RoleHolding:
    """A role in somebody's hands.

    :ivar institution_ruc: the one institution that it reaches; None: all.
    """

    id: str
    person_id: str
    role: Role
    institution_ruc: str | None
    granted_by: str
    granted_at: datetime


def grant_role(
    session: Session,
    *,
    journal: Journal,
    person_id: str,
    role: Role,
    institution_ruc: str | None = None,
    actor: str,
    now: datetime,
) -> RoleHolding:
    """Give ``role`` to a person who exists (the caller found them); it counts from their next request.

    :param actor: id of the person who grants, or ``command``.
    :raises Denied: (``own_role``) nobody raises his own privileges, nor those of another account of his;
        (``role_above``) only a superadministrator makes another; the try is on record.
    :raises Rejected: (``role_not_institutional``) the role cannot be held for one institution, or
        (``role_of_one_institution``) only for one.
    :raises Conflict: (``role_already_held``).
    """
    details = {"role": role.value} | ({"institution": institution_ruc} if institution_ruc else {})
    if accounts_in_one_hand(session, actor, person_id):
        journal.refuse(
            session,
            Event(
                type=EventType.ROLE_GRANTED,
                outcome=Outcome.REFUSED,
                reason="own_role",
                subject=person_id,
                actor=actor,
                details=details,
            ),
            Denied("Nobody grants a role to himself.", code="own_role"),
            now=now,
        )
    _require_above(session, journal, role, EventType.ROLE_GRANTED, person_id=person_id, actor=actor, now=now)
    if institution_ruc and role not in INSTITUTIONAL_ROLES:
        raise Rejected("This role reaches the whole service.", code="role_not_institutional")
    if not institution_ruc and role in BOUND_ROLES:
        raise Rejected("This role is held for one institution.", code="role_of_one_institution")
    assignment = RoleAssignment(
        id=new_id(),
        person_id=person_id,
        role=role.value,
        institution_ruc=institution_ruc,
        granted_by=actor,
        granted_at=now,
    )
    try:
        with session.begin_nested():
            session.add(assignment)
    except IntegrityError as error:
        raise Conflict("The person holds this role already.", code="role_already_held") from error
    journal.record(
        session, Event(type=EventType.ROLE_GRANTED, subject=person_id, actor=actor, details=details), now=now
    )
    return _holding(assignment)


def withdraw_role(
    session: Session, *, journal: Journal, person_id: str, role: Role, actor: str, now: datetime
) -> RoleHolding:
    """Take ``role`` from a person; their next request feels it.

    :raises NotFound: (``role_not_held``).
    :raises Denied: (``role_above``) only a superadministrator takes that role from another; on record.
    :raises Conflict: (``last_administrator``) the service would be left with nobody who can grant roles.
    """
    _require_above(session, journal, role, EventType.ROLE_WITHDRAWN, person_id=person_id, actor=actor, now=now)
    appointing = _hold(session, APPOINTING_ROLES) if role in APPOINTING_ROLES else ()
    holders = [row for row in appointing if row.role == role.value] if appointing else _hold(session, {role})
    held = next((row for row in holders if row.person_id == person_id), None)
    if held is None:
        raise NotFound("The person does not hold this role.", code="role_not_held")
    if role in APPOINTING_ROLES and len(appointing) == 1:
        raise Conflict(
            "The last administrator stays: grant the role to another person first.", code="last_administrator"
        )
    taken = session.execute(
        update(RoleAssignment)
        .where(RoleAssignment.id == held.id, RoleAssignment.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_by=actor)
        .returning(RoleAssignment.id)
    ).one_or_none()
    if taken is None:
        raise NotFound("The person does not hold this role.", code="role_not_held")
    journal.record(
        session,
        Event(type=EventType.ROLE_WITHDRAWN, subject=person_id, actor=actor, details={"role": role.value}),
        now=now,
    )
    return _holding(held)


def list_role_holdings(session: Session, *, person_id: str | None = None) -> list[RoleHolding]:
    """Return the roles held now (by ``person_id``, or by all), by role and then by when they were granted."""
    wanted = select(RoleAssignment).where(RoleAssignment.withdrawn_at.is_(None))
    if person_id is not None:
        wanted = wanted.where(RoleAssignment.person_id == person_id)
    return [
        _holding(row)
        for row in session.scalars(
            wanted.order_by(RoleAssignment.role, RoleAssignment.granted_at, RoleAssignment.id)
        ).all()
    ]


@dataclass(frozen=True)
class Powers:
    """What a person may do, from the roles held.

    :ivar delegated: RUCs of the institutions whose rights in applications the person administers.
    :ivar opened: the permissions that an access token's scopes open; None: whoever is there uses a page.
    """

    holdings: tuple[RoleHolding, ...]
    delegated: frozenset[str] = frozenset()
    opened: frozenset[Permission] | None = None

    @property
    def are_none(self) -> bool:
        """Whether nothing here is open to the person."""
        return not self.holdings and not self.delegated

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles, in the order of :class:`Role`."""
        held = {holding.role for holding in self.holdings}
        return tuple(role for role in Role if role in held)

    def allow(self, permission: Permission) -> bool:
        """Tell whether any role held carries ``permission`` (for what to show; doors use :meth:`require`)."""
        if self.opened is not None and permission not in self.opened:
            return False
        if self.delegated and permission in DELEGATED:
            return True
        return bool(self._carrying(permission))

    def require(self, permission: Permission) -> None:
        """:raises Denied: (``missing_permission``) if no role held carries ``permission``."""
        if not self.allow(permission):
            raise Denied("Your roles do not include this.", code="missing_permission")

    def institutions(self, permission: Permission) -> frozenset[str] | None:
        """Return the RUCs that ``permission`` reaches; None: every institution."""
        if self.opened is not None and permission not in self.opened:
            return frozenset()
        carrying = self._carrying(permission)
        if any(holding.institution_ruc is None for holding in carrying):
            return None
        reached = frozenset(holding.institution_ruc for holding in carrying if holding.institution_ruc)
        return reached | self.delegated if permission in DELEGATED else reached

    def _carrying(self, permission: Permission) -> list[RoleHolding]:
        return [
            each
            for each in self.holdings
            if permission in PERMISSIONS[each.role] and (each.institution_ruc is None or permission not in NATIONAL)
        ]

    def require_institution(self, permission: Permission, institution_ruc: str | None) -> None:
        """:raises NotFound: (``not_found``) if ``permission`` does not reach that institution: it is not even named."""
        reach = self.institutions(permission)
        if reach is not None and institution_ruc not in reach:
            raise NotFound("There is nothing here.", code="not_found")


def powers_of(session: Session, person_id: str, *, now: datetime) -> Powers:
    """Return what ``person_id`` may do at this moment; read at every request."""
    return Powers(
        tuple(list_role_holdings(session, person_id=person_id)),
        frozenset(delegated_institutions(session, person_id, now=now)),
    )


def _require_above(
    session: Session, journal: Journal, role: Role, kind: EventType, *, person_id: str, actor: str, now: datetime
) -> None:
    """Refuse, on record, whoever touches the role of those who appoint administrators without holding it."""
    if role is not Role.SUPERADMINISTRATOR or actor.partition(":")[0] == "command":
        return
    if role in {holding.role for holding in list_role_holdings(session, person_id=actor)}:
        return
    event = Event(
        type=kind,
        outcome=Outcome.REFUSED,
        reason="role_above",
        subject=person_id,
        actor=actor,
        details={"role": role.value},
    )
    error = Denied("Only a superadministrator gives and takes this role.", code="role_above")
    journal.refuse(session, event, error, now=now)


def _hold(session: Session, roles: Collection[Role]) -> Sequence[RoleAssignment]:
    """Return who holds one of ``roles``, locked in one order: two who withdraw each other take turns."""
    return session.scalars(
        select(RoleAssignment)
        .where(RoleAssignment.role.in_([role.value for role in roles]), RoleAssignment.withdrawn_at.is_(None))
        .order_by(RoleAssignment.id)
        .with_for_update()
    ).all()


def _holding(row: RoleAssignment) -> RoleHolding:
    return RoleHolding(
        id=row.id,
        person_id=row.person_id,
        role=Role(row.role),
        institution_ruc=row.institution_ruc,
        granted_by=row.granted_by,
        granted_at=row.granted_at,
    )
