"""``sau role``: who may do what in the console and in applications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from admin.masking import mask_document
from admin.permissions import Role
from admin.roles import RoleHolding, grant_role, list_role_holdings, withdraw_role
from admin.services import AdminServices
from idp.accounts.document import parse_document
from idp.accounts.person import Person, find_person, find_person_by_document
from idp.directory.institutions import find_institution_by_ruc
from idp.rights.command_line.roles import role_subcommands
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import NotFound, Rejected, ServiceError

_ROLE = click.Choice([role.value for role in Role])


def commands(load: Callable[[], AdminServices]) -> list[click.Command]:
    """Return the console's commands.

    :param load: gives the console's services when a command first needs them.
    """
    return [role_commands(load)]


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
            found = _find(session, person)
            holding = withdraw_role(
                session,
                journal=services.journal,
                person_id=found.id,
                role=Role(role_name),
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(holding, found), as_json=as_json)

    @role.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List who holds which role."""
        with load().database.reading() as session:
            records = [
                _record(holding, _find_or_none(session, holding.person_id)) for holding in list_role_holdings(session)
            ]
        print_records(records, as_json=as_json, empty="Nobody holds a role.")

    for command in role_subcommands(lambda: load().idp):
        role.add_command(command)
    return role


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


def _record(holding: RoleHolding, person: Person | None) -> dict[str, Any]:
    return {
        "person": holding.person_id,
        "name": person.name if person else None,
        "cedula": mask_document(person.document) if person else None,
        "role": holding.role.value,
        "institution": holding.institution_ruc,
        "granted_by": holding.granted_by,
        "granted_at": holding.granted_at,
    }
