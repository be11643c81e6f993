"""``sau role``: who may do what in the console and in applications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from admin.hierarchy import authority_tree
from admin.masking import mask_document
from admin.permissions import Role
from admin.roles import RoleHolding, grant_role, list_role_holdings, withdraw_role
from admin.service_roles import SERVICE_ROLES, client_of, grant_service_role, list_service_roles, withdraw_service_role
from admin.services import AdminServices
from admin.what_breaks import what_breaks
from admin.what_waits import what_waits, whole_reach
from idp.accounts.document import parse_document
from idp.accounts.person import Person, find_person, find_person_by_document
from idp.authentication.invitation import Invitation, find_invitation
from idp.directory.institutions import find_institution_by_ruc
from idp.rights.command_line.roles import role_subcommands
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import NotFound, Rejected, ServiceError

_ROLE = click.Choice([role.value for role in Role])
_SERVICE_ROLE = click.Choice(sorted(role.value for role in SERVICE_ROLES))


def commands(load: Callable[[], AdminServices]) -> list[click.Command]:
    """Return the console's commands.

    :param load: gives the console's services when a command first needs them.
    """
    return [role_commands(load), waiting_command(load)]


def role_commands(load: Callable[[], AdminServices]) -> click.Group:
    """Return the group ``role``."""

    @click.group()
    def role() -> None:
        """Who may do what: roles of this console (grant, withdraw, list), and of applications."""

    @role.command()
    @click.argument("person")
    @click.argument("role_name", metavar="ROLE", type=_ROLE)
    @click.option(
        "--institution",
        metavar="RUC",
        help="Reach this institution alone: pki_officer, pki_approver, registration_officer; always "
        "institution_administrator, application_developer.",
    )
    @json_option
    def grant(person: str, role_name: str, institution: str | None, as_json: bool) -> None:
        """Grant ROLE to PERSON (cédula, passport or id)."""
        services = load()
        with services.database.transaction() as session:
            found = _find(session, person)
            ruc = find_institution_by_ruc(session, institution).ruc if institution else None
            holding = grant_role(
                session,
                journal=services.journal,
                person_id=found.id,
                role=Role(role_name),
                institution_ruc=ruc,
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(holding, found), as_json=as_json)

    @role.command()
    @click.argument("person")
    @click.argument("role_name", metavar="ROLE", type=_ROLE)
    @json_option
    def withdraw(person: str, role_name: str, as_json: bool) -> None:
        """Withdraw ROLE from PERSON (cédula, passport or id)."""
        services = load()
        with services.database.transaction() as session:
            invited = None if _find_or_none(session, person) else find_invitation(session, person)
            found = None if invited else _find(session, person)
            holding = withdraw_role(
                session,
                journal=services.journal,
                person_id=found.id if found else person,
                role=Role(role_name),
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(holding, found, invited), as_json=as_json)

    @role.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List who holds which role."""
        with load().database.reading() as session:
            records = []
            for holding in list_role_holdings(session):
                person = _find_or_none(session, holding.person_id)
                invited = None if person else find_invitation(session, holding.person_id)
                records.append(_record(holding, person, invited))
        print_records(records, as_json=as_json, empty="Nobody holds a role.")

    for command in role_subcommands(lambda: load().idp):
        role.add_command(command)
    role.add_command(_service_commands(load))
    return role


def waiting_command(load: Callable[[], AdminServices]) -> click.Command:
    """Return ``waiting``."""

    @click.command()
    @json_option
    def waiting(as_json: bool) -> None:
        """What waits for people's decisions, and what is about to break, as the console's front page counts it."""
        services = load()
        now = services.clock.now()
        powers = whole_reach(now=now)
        with services.database.reading() as session:
            waits = what_waits(session, services=services, powers=powers, actor="command", now=now)
            breaks = what_breaks(session, powers=powers, tree=authority_tree(session, now=now), now=now)
        records: list[dict[str, Any]] = [
            {"kind": "waits", "code": each.code, "count": each.count, "about": "", "at": each.oldest} for each in waits
        ]
        records += [
            {"kind": "breaks", "code": each.code, "count": 1, "about": each.about, "at": each.at} for each in breaks
        ]
        print_records(records, as_json=as_json, empty="Nothing waits, and nothing is about to break.")

    return waiting


def _service_commands(load: Callable[[], AdminServices]) -> click.Group:
    @click.group()
    def service() -> None:
        """Applications that hold a role of this console for themselves, at its API alone."""

    @service.command()
    @click.argument("client_id", metavar="APPLICATION")
    @click.argument("role_name", metavar="ROLE", type=_SERVICE_ROLE)
    @click.option("--institution", metavar="RUC", help="Reach this institution alone: pki_officer.")
    @json_option
    def grant(client_id: str, role_name: str, institution: str | None, as_json: bool) -> None:
        """Grant ROLE to APPLICATION (its client_id), which acts for itself, in production."""
        services = load()
        with services.database.transaction() as session:
            ruc = find_institution_by_ruc(session, institution).ruc if institution else None
            held = grant_service_role(
                session,
                journal=services.journal,
                client_id=client_id,
                role=Role(role_name),
                institution_ruc=ruc,
                actor="command",
                now=services.clock.now(),
            )
        print_record(_service_record(held), as_json=as_json)

    @service.command()
    @click.argument("client_id", metavar="APPLICATION")
    @click.argument("role_name", metavar="ROLE", type=_SERVICE_ROLE)
    @json_option
    def withdraw(client_id: str, role_name: str, as_json: bool) -> None:
        """Withdraw ROLE from APPLICATION (its client_id); its next call feels it."""
        services = load()
        with services.database.transaction() as session:
            for each in list_service_roles(session):
                if (client_of(each), each.role.value) == (client_id, role_name):
                    break
            else:
                raise NotFound("The application does not hold this role.", code="role_not_held")
            held = withdraw_service_role(
                session, journal=services.journal, holding_id=each.id, actor="command", now=services.clock.now()
            )
        print_record(_service_record(held), as_json=as_json)

    @service.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List which application holds which role for itself."""
        with load().database.reading() as session:
            records = [_service_record(each) for each in list_service_roles(session)]
        print_records(records, as_json=as_json, empty="No application holds a role.")

    return service


def _find(session: Session, text: str) -> Person:
    """Return the person with this cédula, passport or id. :raises NotFound: (``unknown_person``)."""
    try:
        found = find_person_by_document(session, parse_document(text))
    except Rejected:
        return find_person(session, text)
    if found is None:
        raise NotFound("Nobody with this document has an account.", code="unknown_person")
    return found


def _find_or_none(session: Session, person_id: str) -> Person | None:
    try:
        return find_person(session, person_id)
    except ServiceError:
        return None


def _record(holding: RoleHolding, person: Person | None, invited: Invitation | None = None) -> dict[str, Any]:
    return {
        "person": holding.person_id,
        "name": person.name if person else (invited.name if invited else "") or None,
        "invited_until": invited.expires_at if invited else None,
        "cedula": mask_document(person.document) if person else None,
        "role": holding.role.value,
        "institution": holding.institution_ruc,
        "granted_by": holding.granted_by,
        "granted_at": holding.granted_at,
    }


def _service_record(held: RoleHolding) -> dict[str, Any]:
    return {
        "application": client_of(held),
        "role": held.role.value,
        "institution": held.institution_ruc,
        "granted_by": held.granted_by,
        "granted_at": held.granted_at,
    }
