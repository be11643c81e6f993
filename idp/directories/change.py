"""A directory described anew: what of it may change, what that does with the searcher's password, what is on record.

The password is sealed and never shown. Whoever may edit a directory must not be able to have it sent somewhere else, so
it stays only while the servers, their authority and the searcher's name stay (the way in which bind passwords were
read out of Keycloak, CVE-2024-5967).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.directories.directory import Directory
from idp.directories.model import DirectoryRow
from idp.directories.register import Wanted, directory_wanted, find_directory, sealed_password
from idp.services import IdpServices
from kernel.errors import Conflict, Rejected
from kernel.identifiers import sha256_hex

_TOLD = (
    "domains",
    "servers",
    "bind_dn",
    "password_file",
    "bind_template",
    "search_base",
    "username_filter",
    "cedula_filter",
    "attributes",
    "creates_people",
    "level",
    "asked_by_cedula",
    "nested_groups",
)


@dataclass(frozen=True)
class Change:
    """One member of a directory or a provider, before and after, as texts that hold no secret."""

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name}: {self.before or '-'} -> {self.after or '-'}"


def hold_directory(session: Session, directory_id: str) -> None:
    """Hold its row, if there is one: of two changes at once the second one sees the first."""
    session.execute(select(DirectoryRow.id).where(DirectoryRow.id == directory_id).with_for_update())


def redescribe(services: IdpServices, session: Session, *, before: Directory, wanted: Wanted) -> Directory:
    """Return ``before`` as ``wanted`` describes it now, made valid; nothing is written.

    Name and institution stay. A password that is not given stays too, if it goes to the same servers.

    :raises Rejected: as :func:`directory_wanted`, and ``password_again`` if it would go elsewhere.
    :raises Conflict: ``domain_taken``, ``cedulas_taken``.
    """
    keeps = bool(wanted.bind_dn) and wanted.password is None and wanted.password_file is None
    if keeps:
        wanted = replace(wanted, password=before.password or None, password_file=before.password_file)
    made, institution_id = directory_wanted(services, session, wanted, instead_of=before.id)
    if institution_id != before.institution_id:
        raise Rejected("The institution of a directory stays.", code="unknown_institution")
    # A file's path tells a stranger's server as much as a sealed password does: its content goes there.
    moved = (made.servers, made.ca_pem, made.bind_dn) != (before.servers, before.ca_pem, before.bind_dn)
    if keeps and moved:
        raise Rejected("Type the searcher's password again: it would go elsewhere.", code="password_again")
    return replace(made, id=before.id, name=before.name, active=before.active, version=before.version)


def directory_changes(before: Directory, after: Directory) -> tuple[Change, ...]:
    """Return what differs; of secrets and certificates only that they do."""
    changes = [
        Change(name, _text(getattr(before, name)), _text(getattr(after, name)))
        for name in _TOLD
        if getattr(before, name) != getattr(after, name)
    ]
    if before.ca_pem != after.ca_pem:
        changes.append(Change("ca_pem", _digest(before.ca_pem), _digest(after.ca_pem)))
    if before.password.reveal() != after.password.reveal():
        changes.append(Change("password", "***" if before.password else "", "***" if after.password else ""))
    return tuple(changes)


def change_directory(
    session: Session, *, services: IdpServices, before: Directory, after: Directory, actor: str, now: datetime
) -> tuple[Change, ...]:
    """Write down what :func:`redescribe` made of ``before``; return what changed. Nothing: nothing is written.

    :raises Conflict: (``changed_meanwhile``) somebody else changed it since ``before`` was read.
    """
    changes = directory_changes(before, after)
    if not changes:
        return ()
    changed = session.execute(
        update(DirectoryRow)
        .where(DirectoryRow.id == before.id, DirectoryRow.version == before.version)
        .values(
            domains=list(after.domains),
            urls=[str(each) for each in after.servers],
            ca_pem=after.ca_pem or None,
            bind_dn=after.bind_dn or None,
            sealed_password=sealed_password(services, after),
            bind_file=str(after.password_file) if after.password_file else None,
            bind_template=after.bind_template or None,
            search_base=after.search_base,
            username_filter=after.username_filter,
            cedula_filter=after.cedula_filter,
            attributes=asdict(after.attributes),
            creates_people=after.creates_people,
            level=after.level,
            asked_by_cedula=after.asked_by_cedula,
            nested_groups=after.nested_groups,
            version=DirectoryRow.version + 1,
        )
        .returning(DirectoryRow.id)
    ).scalar_one_or_none()
    if changed is None:
        raise Conflict("Somebody else changed it in the meantime.", code="changed_meanwhile")
    event = Event(
        type=EventType.LDAP_DIRECTORY_UPDATED,
        actor=actor,
        object_id=before.id,
        details={"changes": [str(each)[:500] for each in changes]},
    )
    services.journal.record(session, event, now=now)
    session.expire_all()
    find_directory(session, services=services, directory_id=before.id)
    return changes


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value is not None and hasattr(value, "names"):
        return ", ".join(f"{name}={held}" for name, held in sorted(vars(value).items()))
    return "" if value is None else str(value)


def _digest(pem: str) -> str:
    return f"sha256 {sha256_hex(pem)[:16]}" if pem else ""
