"""A configuration is applied: all of it or nothing, in one transaction with its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from admin.as_code import applications, console_roles, federation, institutions, rights
from admin.as_code.applying_applications import apply_applications, changed_registrations
from admin.as_code.configuration import Configuration
from admin.as_code.console_roles import apply_console_roles
from admin.as_code.difference import Change, differences, replaced_secret
from admin.as_code.document import configuration_digest, export_configuration
from admin.as_code.federation import apply_directories, apply_providers, new_issuers
from admin.as_code.groups import apply_directory_groups, apply_provider_groups
from admin.as_code.institutions import apply_institutions
from admin.as_code.rights import apply_rights
from admin.as_code.work import Work
from admin.as_code.yaml_text import dotted
from admin.model import RoleAssignment
from admin.permissions import Permission
from admin.roles import powers_of
from admin.services import AdminServices
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.broker.model import UpstreamProviderRow
from idp.broker.provider import Discovered
from idp.broker.register import discover
from idp.clients.model import ClientRow
from idp.clients.registration.sector import require_sector
from idp.directories.model import DirectoryRow
from idp.directory.model import InstitutionRow
from idp.rights.model import GroupRoleRow, PermissionRow, RightsDeclarationRow, RoleOfferRow, RoleRow
from kernel.errors import Conflict, Denied, Rejected, ServiceError, Unavailable
from kernel.prefetch import dialect_of
from outgoing.errors import OutgoingError

_TABLES = (
    *(InstitutionRow, ClientRow, RightsDeclarationRow, PermissionRow, RoleRow, RoleOfferRow, RoleAssignment),
    *(DirectoryRow, UpstreamProviderRow, GroupRoleRow),
)
_TOLD = 64


@dataclass(frozen=True)
class Applied:
    """What applying a configuration did, or would do. :ivar before: and ``after``: digests of what stands."""

    before: str
    after: str
    changes: tuple[Change, ...]


def apply_configuration(
    services: AdminServices,
    configuration: Configuration,
    *,
    dry_run: bool = False,
    prune: bool = False,
    expect: str | None = None,
    approved_by: str | None = None,
    actor: str = "command",
) -> Applied:
    """Make what stands what the configuration says; a second time changes nothing.

    The difference is that of two exports in the transaction; a dry run undoes what it did.

    :param prune: what stands and is not in its section of the file is closed, never deleted.
    :param expect: the digest of what must stand before.
    :param approved_by: the account of who agrees to what goes from the sandbox to production: it may approve that.
    :raises Conflict: (``configuration_changed``) something else stands than was expected.
    :raises ServiceError: what the file says cannot be; nothing of it is done, and the refusal is on record.
    """
    now = services.clock.now()
    sectors = _check_sectors(services, configuration)
    discovered = _ask_issuers(services, configuration)
    try:
        with services.database.transaction() as session:
            work = Work(session, services, configuration.lines, prune, actor, now, sectors)
            work.discovered, work.approver = discovered, _approver(session, approved_by, now=now)
            applied = _apply(work, configuration, expect=expect, dry_run=dry_run)
            if dry_run:
                session.rollback()
            return applied
    except Unavailable:
        raise
    except ServiceError as error:
        if dry_run:
            raise
        event = Event(type=EventType.CONFIGURATION_APPLIED, outcome=Outcome.REFUSED, reason=error.code, actor=actor)
        with services.database.transaction() as session:
            services.journal.refuse(session, event, error, now=now)


def _apply(work: Work, configuration: Configuration, *, expect: str | None, dry_run: bool) -> Applied:
    session = work.session
    _lock(session)
    before = export_configuration(session, now=work.now)
    digest = configuration_digest(before)
    if expect is not None and expect != digest:
        raise Conflict(f"What stands has the digest {digest}.", code="configuration_changed")
    try:
        _work_through(work, configuration)
        session.flush()
    except ServiceError as error:
        # One that is on record wants its transaction kept: here it would keep half a file.
        error.commits = False
        raise
    session.expire_all()
    after = export_configuration(session, now=work.now)
    changes = (*differences(before, after), *map(replaced_secret, work.hidden))
    applied = Applied(digest, configuration_digest(after), changes)
    if changes and not dry_run:
        _record(work, applied)
    return applied


def _work_through(work: Work, configuration: Configuration) -> None:
    sections = configuration.sections
    if institutions.SECTION in sections:
        apply_institutions(work, sections[institutions.SECTION])
    if applications.SECTION in sections:
        apply_applications(work, configuration)
    if rights.SECTION in sections:
        apply_rights(work, sections[rights.SECTION])
    if console_roles.SECTION in sections:
        apply_console_roles(work, sections[console_roles.SECTION])
    if federation.DIRECTORIES in sections:
        apply_directories(work, sections[federation.DIRECTORIES], configuration.elsewhere)
        apply_directory_groups(work, federation.DIRECTORIES, sections[federation.DIRECTORIES])
    if federation.PROVIDERS in sections:
        apply_providers(work, sections[federation.PROVIDERS], configuration.elsewhere, work.discovered)
        apply_provider_groups(work, federation.PROVIDERS, sections[federation.PROVIDERS])
    work.close()


def _record(work: Work, applied: Applied) -> None:
    event = Event(
        type=EventType.CONFIGURATION_APPLIED,
        actor=work.actor,
        details={
            "before": applied.before,
            "after": applied.after,
            "pruned": work.prune,
            **({"approved_by": work.approver} if work.approver else {}),
            "changed": len(applied.changes),
            # Paths alone: an address for contact may be a person's.
            "paths": [f"{each.mark} {dotted(each.path)}" for each in applied.changes[:_TOLD]],
        },
    )
    work.journal.record(work.session, event, now=work.now)


def _lock(session: Session) -> None:
    """Let nobody else change what is compared. On SQLite the transaction has done so already."""
    if dialect_of(session) == "postgresql":
        names = ", ".join(each.__tablename__ for each in _TABLES)
        session.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))


def _check_sectors(services: AdminServices, configuration: Configuration) -> frozenset[tuple[str, tuple[str, ...]]]:
    """Look at the addresses that prove which redirect URIs belong together: never inside a transaction."""
    checked = set()
    found = {}
    with services.database.reading() as session:
        try:
            for client_id, registration in changed_registrations(session, configuration):
                found[client_id] = registration
        except Rejected:
            return frozenset()  # told by the transaction, with its place, and put on record
    for registration in found.values():
        require_sector(services.idp, registration)
        if registration.metadata.sector_identifier_uri:
            checked.add((registration.metadata.sector_identifier_uri, registration.redirect_uris))
    return frozenset(checked)


def _ask_issuers(services: AdminServices, configuration: Configuration) -> dict[str, Discovered]:
    """Ask new providers what they say of themselves: never inside a transaction.

    :raises Rejected: with the place in the file. :raises Unavailable: one does not answer.
    """
    entries = configuration.sections.get(federation.PROVIDERS, {})
    with services.database.reading() as session:
        issuers = new_issuers(session, entries)
    found = {}
    for name, issuer in issuers.items():
        place = configuration.lines.place((federation.PROVIDERS, name, "issuer"))
        try:
            found[name] = discover(services.idp, issuer)
        except Rejected as error:
            error.public_detail = f"{place}: {error.public_detail or error.code}"
            raise
        except OutgoingError as error:
            raise Unavailable(f"{place}: it does not answer ({error.code}).", code="provider_unreachable") from error
    return found


def _approver(session: Session, account: str | None, *, now: datetime) -> str:
    """Return the account, if it may let applications into production. :raises Denied: (``missing_permission``)."""
    if account is None:
        return ""
    if not powers_of(session, account, now=now).allow(Permission.APPLICATIONS_APPROVE):
        raise Denied(f"{account} may let no application into production.", code="missing_permission")
    return account
