"""The register of directories: what operators add, list, close, and which group is worth which role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Details, Event
from audit.vocabulary import EventType
from idp.directories.directory import (
    KINDS,
    LEVELS,
    MOST_FLOORS,
    Attributes,
    Directory,
    parse_attributes,
    parse_ca,
    parse_directory_name,
    parse_search,
    parse_servers,
)
from idp.directories.model import DirectoryRow
from idp.directories.names import require_bind_template, require_dn, require_password_to_send
from idp.directory.domain import normalize_domain
from idp.directory.institutions import find_institution_by_ruc
from idp.rights.groups.mapping import GroupRole, map_group_to_role
from idp.services import IdpServices
from kernel.errors import Conflict, NotFound, Rejected
from kernel.identifiers import new_id
from kernel.secret_text import SecretText
from keys.sealing import Sealer

_PURPOSE = "directory-password"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A directory as an operator describes it, in the texts that were typed.

    :ivar kind: of :data:`idp.directories.directory.KINDS`: where filters and attributes begin.
    :ivar attributes: what is called otherwise there.
    """

    name: str
    ruc: str
    domains: Sequence[str]
    urls: Sequence[str]
    kind: str
    search_base: str
    username_filter: str = ""
    cedula_filter: str = ""
    attributes: Mapping[str, str]
    ca_pem: str = ""
    bind_dn: str = ""
    password: SecretText | None = None
    password_file: Path | None = None
    bind_template: str = ""
    creates_people: bool = False
    level: int = 1
    asked_by_cedula: bool = False
    nested_groups: int = 0


def directory_wanted(
    services: IdpServices, session: Session, wanted: Wanted, *, instead_of: str = ""
) -> tuple[Directory, str]:
    """Return the directory that is described, made valid, and the id of its institution; nothing is written.

    :param instead_of: id of the directory that is described anew; empty: another one.
    :raises Rejected: with what is wrong. :raises NotFound: ``unknown_institution``.
    :raises Conflict: ``directory_exists``, ``domain_taken``, ``cedulas_taken``.
    """
    institution = find_institution_by_ruc(session, wanted.ruc)
    domains = tuple(sorted({normalize_domain(each) for each in wanted.domains}))
    if not domains:
        raise Rejected("Name at least one domain of its people's names.", code="bad_domain")
    if foreign := [each for each in domains if not _held(each, institution.domains)]:
        raise Rejected(f"{foreign[0]} is no domain of this institution.", code="foreign_domain")
    _require_free(session, wanted, domains, instead_of)
    _, usual_names, usual_cedulas = KINDS[wanted.kind]
    base, names, cedulas = parse_search(
        wanted.search_base, wanted.username_filter or usual_names, wanted.cedula_filter or usual_cedulas
    )
    _require_one_way_in(wanted)
    if wanted.level not in LEVELS:
        raise Rejected("A directory vouches for level 1 or 2.", code="bad_level")
    if not 0 <= wanted.nested_groups <= MOST_FLOORS or (wanted.nested_groups and not wanted.bind_dn):
        raise Rejected(f"A searcher looks at {MOST_FLOORS} floors of groups at most.", code="bad_nested_groups")
    return (
        Directory(
            id=new_id(),
            name=parse_directory_name(wanted.name),
            institution_id=institution.id,
            domains=domains,
            servers=parse_servers(wanted.urls),
            ca_pem=parse_ca(wanted.ca_pem) if wanted.ca_pem else "",
            bind_dn=require_dn(wanted.bind_dn) if wanted.bind_dn else "",
            password=wanted.password or SecretText(""),
            password_file=wanted.password_file,
            bind_template=require_bind_template(wanted.bind_template) if wanted.bind_template else "",
            search_base=base,
            username_filter=names,
            cedula_filter=cedulas,
            attributes=parse_attributes(wanted.kind, wanted.attributes),
            creates_people=wanted.creates_people,
            level=wanted.level,
            asked_by_cedula=wanted.asked_by_cedula,
            nested_groups=wanted.nested_groups,
            version=1,
        ),
        institution.id,
    )


def add_directory(
    session: Session, *, services: IdpServices, directory: Directory, actor: str = "command", now: datetime
) -> Directory:
    """Write down what :func:`directory_wanted` made valid. The password is sealed."""
    session.add(
        DirectoryRow(
            id=directory.id,
            name=directory.name,
            institution_id=directory.institution_id,
            domains=list(directory.domains),
            urls=[str(each) for each in directory.servers],
            ca_pem=directory.ca_pem or None,
            bind_dn=directory.bind_dn or None,
            sealed_password=sealed_password(services, directory),
            bind_file=str(directory.password_file) if directory.password_file else None,
            bind_template=directory.bind_template or None,
            search_base=directory.search_base,
            username_filter=directory.username_filter,
            cedula_filter=directory.cedula_filter,
            attributes=asdict(directory.attributes),
            creates_people=directory.creates_people,
            level=directory.level,
            asked_by_cedula=directory.asked_by_cedula,
            nested_groups=directory.nested_groups,
            active=True,
            version=directory.version,
            created_at=now,
        )
    )
    details: Details = {
        "name": directory.name,
        "institution": directory.institution_id,
        "servers": [str(each) for each in directory.servers],
        "domains": list(directory.domains),
        "creates_people": directory.creates_people,
        "level": directory.level,
        "asked_by_cedula": directory.asked_by_cedula,
        "nested_groups": directory.nested_groups,
    }
    event = Event(type=EventType.LDAP_DIRECTORY_ADDED, actor=actor, object_id=directory.id, details=details)
    services.journal.record(session, event, now=now)
    session.flush()
    return directory


def sealed_password(services: IdpServices, directory: Directory) -> bytes | None:
    """Return the searcher's password as it is stored; None where there is none."""
    if not directory.password:
        return None
    return _sealer(services).seal(directory.password.reveal().encode(), bound_to=directory.id)


def set_directory_active(
    session: Session, *, services: IdpServices, name: str, active: bool, actor: str = "command", now: datetime
) -> Directory:
    """Close a directory, or open it again: nobody is asked for there while it is closed.

    :raises NotFound: ``unknown_directory``.
    """
    changed = session.execute(
        update(DirectoryRow)
        .where(DirectoryRow.name == name)
        .values(active=active, version=DirectoryRow.version + 1)
        .returning(DirectoryRow.id)
    ).scalar_one_or_none()
    if changed is None:
        raise NotFound("There is no directory of this name.", code="unknown_directory")
    _record_change(session, services, changed, {"active": active}, actor=actor, now=now)
    session.expire_all()
    return find_directory(session, services=services, directory_id=changed)


def map_group(
    session: Session,
    *,
    services: IdpServices,
    name: str,
    group: str,
    role: str,
    client_id: str = "",
    mapped: bool,
    actor: str = "command",
    now: datetime,
) -> GroupRole:
    """Say that who is in ``group`` (a distinguished name) has ``role``, or no longer; at each one's next look.

    :raises NotFound: ``unknown_directory``, ``unknown_role``.
    :raises Rejected: ``bad_distinguished_name``, or as :func:`idp.rights.groups.mapping.map_group_to_role`.
    """
    directory = find_directory_named(session, services=services, name=name)
    line = map_group_to_role(
        session,
        source=directory.source,
        group=require_dn(group),
        role=role,
        client_id=client_id,
        mapped=mapped,
        actor=actor,
        now=now,
    )
    details: Details = {"group": line.group, "role": line.role.name, "client": line.role.client_id, "mapped": mapped}
    _record_change(session, services, directory.id, details, actor=actor, now=now)
    return line


def list_directories(session: Session, *, services: IdpServices, active_only: bool = False) -> list[Directory]:
    """Return directories by name."""
    statement = select(DirectoryRow).order_by(DirectoryRow.name)
    if active_only:
        statement = statement.where(DirectoryRow.active)
    return [_value(services, row) for row in session.scalars(statement)]


def find_directory(session: Session, *, services: IdpServices, directory_id: str) -> Directory:
    """Return the directory. :raises NotFound: ``unknown_directory``."""
    row = session.get(DirectoryRow, directory_id)
    if row is None:
        raise NotFound("There is no such directory.", code="unknown_directory")
    return _value(services, row)


def find_directory_named(session: Session, *, services: IdpServices, name: str) -> Directory:
    """Return the directory of this name. :raises NotFound: ``unknown_directory``."""
    row = session.scalars(select(DirectoryRow).where(DirectoryRow.name == name)).one_or_none()
    if row is None:
        raise NotFound("There is no directory of this name.", code="unknown_directory")
    return _value(services, row)


def has_directories(session: Session) -> bool:
    """Tell whether anybody logs in with an institution's password here."""
    return session.scalar(select(DirectoryRow.id).where(DirectoryRow.active).limit(1)) is not None


def directory_of_domain(session: Session, *, services: IdpServices, domain: str) -> Directory | None:
    """Return the open directory whose people's names end in ``domain``, if there is one."""
    for row in session.scalars(select(DirectoryRow).where(DirectoryRow.active)):
        if domain in row.domains:
            return _value(services, row)
    return None


def directory_asked_by_cedula(session: Session, *, services: IdpServices) -> Directory | None:
    """Return the one open directory that is asked for cédulas that nobody has linked, if there is one."""
    row = session.scalars(select(DirectoryRow).where(DirectoryRow.active, DirectoryRow.asked_by_cedula)).first()
    return _value(services, row) if row else None


def _require_free(session: Session, wanted: Wanted, domains: tuple[str, ...], instead_of: str) -> None:
    for row in session.scalars(select(DirectoryRow).where(DirectoryRow.id != instead_of)):
        if row.name == wanted.name.strip():
            raise Conflict("There is a directory of this name.", code="directory_exists")
        if taken := set(domains) & set(row.domains):
            raise Conflict(f"{min(taken)} belongs to the directory {row.name}.", code="domain_taken")
        if wanted.asked_by_cedula and row.asked_by_cedula:
            raise Conflict(f"{row.name} is asked for cédulas already; one can be.", code="cedulas_taken")


def _require_one_way_in(wanted: Wanted) -> None:
    if bool(wanted.bind_dn) == bool(wanted.bind_template):
        raise Rejected("Name either who searches, or as whom people are bound.", code="bad_bind")
    if not wanted.bind_dn:
        return
    if (wanted.password is None) == (wanted.password_file is None):
        raise Rejected("Give the searcher's password, or the file that it stands in.", code="bad_bind")
    if wanted.password is not None:
        require_password_to_send(wanted.password)


def _held(domain: str, held: Sequence[str]) -> bool:
    return any(domain == each or domain.endswith(f".{each}") for each in held)


def _record_change(
    session: Session,
    services: IdpServices,
    directory_id: str,
    details: Details,
    *,
    actor: str,
    now: datetime,
) -> None:
    event = Event(type=EventType.LDAP_DIRECTORY_UPDATED, actor=actor, object_id=directory_id, details=details)
    services.journal.record(session, event, now=now)


def _value(services: IdpServices, row: DirectoryRow) -> Directory:
    password = ""
    if row.sealed_password is not None:
        password = _sealer(services).open(row.sealed_password, bound_to=row.id).decode()
    return Directory(
        id=row.id,
        name=row.name,
        institution_id=row.institution_id,
        domains=tuple(row.domains),
        servers=parse_servers(row.urls),
        ca_pem=row.ca_pem or "",
        bind_dn=row.bind_dn or "",
        password=SecretText(password),
        password_file=Path(row.bind_file) if row.bind_file else None,
        bind_template=row.bind_template or "",
        search_base=row.search_base,
        username_filter=row.username_filter,
        cedula_filter=row.cedula_filter,
        attributes=Attributes(**row.attributes),
        creates_people=row.creates_people,
        level=row.level,
        asked_by_cedula=row.asked_by_cedula,
        nested_groups=row.nested_groups,
        active=row.active,
        version=row.version,
    )


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, _PURPOSE)
