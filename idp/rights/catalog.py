"""The roles and permissions that applications have: declared, compared, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.clients.client import find_client
from idp.clients.model import ClientRow
from idp.directory.institutions import find_institution_by_ruc
from idp.directory.model import InstitutionRow
from idp.rights.declaration import Declaration, DeclaredRole
from idp.rights.model import AssignmentRow, PermissionRow, RightsDeclarationRow, RoleOfferRow, RoleRow
from kernel.errors import Denied, NotFound
from kernel.identifiers import new_id


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role of an application, with the members of :class:`idp.rights.declaration.DeclaredRole`."""

    id: str
    client_id: str
    name: str
    words: Mapping[str, str]
    permissions: tuple[str, ...]
    needs_approval: bool
    sensitive: bool
    max_days: int | None
    excludes: tuple[str, ...]
    retired: bool

    def said(self, locale: str) -> str:
        """Return its name in the words of the language; Spanish where there are none."""
        return self.words.get(locale) or self.words.get("es") or self.name


@dataclass(frozen=True)
class Difference:
    """What a declaration would change. Each line says what, by name; no line: nothing."""

    lines: tuple[str, ...]
    growing: frozenset[str]


def find_role(session: Session, role_id: str) -> Role:
    """Return the role, retired or not. :raises NotFound: (``unknown_role``)."""
    row = session.get(RoleRow, role_id)
    if row is None:
        raise NotFound("There is no such role.", code="unknown_role")
    return role_value(row)


def find_role_by_name(session: Session, *, client_id: str, name: str) -> Role:
    """Return the role that the application declares now. :raises NotFound: (``unknown_role``)."""
    row = session.scalars(
        select(RoleRow).where(RoleRow.client_id == client_id, RoleRow.name == name, RoleRow.retired_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound("The application declares no such role.", code="unknown_role")
    return role_value(row)


def list_roles(session: Session, *, client_id: str | None = None) -> list[Role]:
    """Return the roles that are declared now, by application and name."""
    wanted = select(RoleRow).where(RoleRow.retired_at.is_(None)).order_by(RoleRow.client_id, RoleRow.name)
    if client_id is not None:
        wanted = wanted.where(RoleRow.client_id == client_id)
    return [role_value(row) for row in session.scalars(wanted)]


def permission_words(session: Session, *, client_id: str) -> dict[str, Mapping[str, str]]:
    """Return the words of the application's permissions, by name and language."""
    rows = session.scalars(
        select(PermissionRow).where(PermissionRow.client_id == client_id).order_by(PermissionRow.name)
    )
    return {row.name: row.words for row in rows}


def may_use(session: Session, *, client_id: str, institution_id: str) -> bool:
    """Tell whether the institution may use the application: its own, one open to all, or one offered to it."""
    if find_client(session, client_id).institution_id == institution_id:
        return True
    declared = session.get(RightsDeclarationRow, client_id)
    if declared is not None and declared.open_to_all:
        return True
    return session.get(RoleOfferRow, (client_id, institution_id)) is not None


def compare(session: Session, declaration: Declaration) -> Difference:
    """Return what :func:`declare_rights` would change."""
    client_id = declaration.client_id
    before = {role.name: role for role in list_roles(session, client_id=client_id)}
    words = permission_words(session, client_id=client_id)
    lines: list[str] = []
    growing = set()
    now_permissions = {each.name: dict(each.words) for each in declaration.permissions}
    lines += [f"+ permission {name}" for name in now_permissions if name not in words]
    lines += [f"- permission {name}" for name in words if name not in now_permissions]
    lines += [
        f"~ permission {name}: words"
        for name in now_permissions
        if words.get(name, now_permissions[name]) != now_permissions[name]
    ]
    for role in declaration.roles:
        old = before.get(role.name)
        if old is None:
            lines.append(f"+ role {role.name}: {', '.join(role.permissions)}")
            continue
        if gained := sorted(set(role.permissions) - set(old.permissions)):
            growing.add(role.name)
            lines.append(f"~ role {role.name}: + {', '.join(gained)}")
        if lost := sorted(set(old.permissions) - set(role.permissions)):
            lines.append(f"~ role {role.name}: - {', '.join(lost)}")
        lines += [f"~ role {role.name}: {what}" for what in _changed(old, role)]
    lines += [f"- role {name}" for name in before if name not in {role.name for role in declaration.roles}]
    lines += _offer_lines(session, declaration)
    return Difference(tuple(lines), frozenset(growing))


def declare_rights(
    session: Session, *, journal: Journal, declaration: Declaration, actor: str, now: datetime
) -> Difference:
    """Make the application's roles, permissions and offers what ``declaration`` says; return what that changed.

    The same declaration again changes nothing. A role that is gone is retired: its holders lose it at once.

    :raises NotFound: ``unknown_client``, ``unknown_institution``.
    :raises Denied: (``own_role``) nobody lets a role grow that he holds himself; on record.
    """
    client_id = declaration.client_id
    find_client(session, client_id)
    session.get(ClientRow, client_id, with_for_update=True)  # two declarations take turns
    difference = compare(session, declaration)
    if not difference.lines:
        return difference
    if difference.growing and _holds_one(session, client_id, difference.growing, actor):
        event = Event(
            type=EventType.RIGHTS_DECLARED,
            outcome=Outcome.REFUSED,
            reason="own_role",
            actor=actor,
            client_id=client_id,
            details={"roles": sorted(difference.growing)},
        )
        error = Denied("Nobody adds permissions to a role that he holds himself.", code="own_role")
        journal.refuse(session, event, error, now=now)
    _write_permissions(session, declaration)
    _write_roles(session, declaration, now=now)
    version = _write_declaration(session, declaration, actor=actor, now=now)
    event = Event(
        type=EventType.RIGHTS_DECLARED,
        actor=actor,
        client_id=client_id,
        details={"version": version, "sha256": declaration.sha256, "changes": list(difference.lines[:64])},
    )
    journal.record(session, event, now=now)
    return difference


def role_value(row: RoleRow) -> Role:
    """Return a row as a value."""
    return Role(
        id=row.id,
        client_id=row.client_id,
        name=row.name,
        words=row.words,
        permissions=tuple(row.permissions),
        needs_approval=row.needs_approval,
        sensitive=row.sensitive,
        max_days=row.max_days,
        excludes=tuple(row.excludes),
        retired=row.retired_at is not None,
    )


def _changed(old: Role, new: DeclaredRole) -> list[str]:
    told = []
    if dict(old.words) != dict(new.words):
        told.append("words")
    for name in ("needs_approval", "sensitive", "max_days"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            told.append(f"{name} {before} -> {after}")
    if old.excludes != new.excludes:
        told.append(f"excludes {', '.join(new.excludes) or 'nothing'}")
    return told


def _offer_lines(session: Session, declaration: Declaration) -> list[str]:
    row = session.get(RightsDeclarationRow, declaration.client_id)
    was_open = row is not None and row.open_to_all
    is_open = declaration.institutions is None
    lines = [f"~ institutions: {'all' if is_open else 'named ones'}"] if was_open != is_open else []
    before, after = _offered_rucs(session, declaration.client_id), set(declaration.institutions or ())
    lines += [f"+ institution {ruc}" for ruc in sorted(after - before)]
    return lines + [f"- institution {ruc}" for ruc in sorted(before - after)]


def _offered_rucs(session: Session, client_id: str) -> set[str]:
    return set(
        session.scalars(
            select(InstitutionRow.ruc)
            .join(RoleOfferRow, RoleOfferRow.institution_id == InstitutionRow.id)
            .where(RoleOfferRow.client_id == client_id)
        )
    )


def _holds_one(session: Session, client_id: str, names: frozenset[str], actor: str) -> bool:
    held = select(AssignmentRow.id).join(RoleRow, RoleRow.id == AssignmentRow.role_id)
    held = held.where(
        AssignmentRow.person_id == actor,
        AssignmentRow.status.in_(("pending", "active")),
        RoleRow.client_id == client_id,
        RoleRow.name.in_(names),
    )
    return session.scalars(held.limit(1)).first() is not None


def _write_permissions(session: Session, declaration: Declaration) -> None:
    session.execute(delete(PermissionRow).where(PermissionRow.client_id == declaration.client_id))
    session.add_all(
        PermissionRow(client_id=declaration.client_id, name=each.name, words=dict(each.words))
        for each in declaration.permissions
    )


def _write_roles(session: Session, declaration: Declaration, *, now: datetime) -> None:
    client_id, names = declaration.client_id, [role.name for role in declaration.roles]
    standing = select(RoleRow).where(RoleRow.client_id == client_id, RoleRow.retired_at.is_(None))
    rows = {row.name: row for row in session.scalars(standing)}
    session.execute(
        update(RoleRow)
        .where(RoleRow.client_id == client_id, RoleRow.name.not_in(names), RoleRow.retired_at.is_(None))
        .values(retired_at=now)
    )
    for role in declaration.roles:
        row = rows.get(role.name)
        if row is None:
            row = RoleRow(id=new_id(), client_id=client_id, name=role.name, declared_at=now)
            session.add(row)
        row.words, row.permissions = dict(role.words), list(role.permissions)
        row.needs_approval, row.sensitive = role.needs_approval, role.sensitive
        row.max_days, row.excludes, row.retired_at = role.max_days, list(role.excludes), None
    session.flush()


def _write_declaration(session: Session, declaration: Declaration, *, actor: str, now: datetime) -> int:
    client_id = declaration.client_id
    row = session.get(RightsDeclarationRow, client_id, with_for_update=True)
    if row is None:
        row = RightsDeclarationRow(client_id=client_id, version=0)
        session.add(row)
    row.sha256, row.open_to_all, row.version = declaration.sha256, declaration.institutions is None, row.version + 1
    row.declared_by, row.declared_at = actor, now
    session.execute(delete(RoleOfferRow).where(RoleOfferRow.client_id == client_id))
    session.add_all(
        RoleOfferRow(
            client_id=client_id,
            institution_id=find_institution_by_ruc(session, ruc).id,
            offered_by=actor,
            offered_at=now,
        )
        for ruc in declaration.institutions or ()
    )
    session.flush()
    return row.version


def declared_document(session: Session, client_id: str) -> dict[str, Any]:
    """Return what the application declares now, in the form in which declarations are read."""
    declared = session.get(RightsDeclarationRow, client_id)
    everyone = declared is not None and declared.open_to_all
    words = permission_words(session, client_id=client_id)
    return {
        "application": client_id,
        "institutions": "all" if everyone else sorted(_offered_rucs(session, client_id)),
        "permissions": [{"name": name, **said} for name, said in words.items()],
        "roles": [
            {
                "name": role.name,
                **role.words,
                "permissions": list(role.permissions),
                "needs_approval": role.needs_approval,
                "sensitive": role.sensitive,
                "max_days": role.max_days,
                "excludes": list(role.excludes),
            }
            for role in list_roles(session, client_id=client_id)
        ],
    }
