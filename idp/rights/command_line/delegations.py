"""``sau role delegate``, ``undelegate`` and ``delegations``."""

from __future__ import annotations

import click

from idp.directory.institutions import find_institution_by_ruc
from idp.rights.catalog import find_role_by_name
from idp.rights.command_line.records import (
    Load,
    client_option,
    delegation_record,
    find_person_by,
    institution_option,
)
from idp.rights.delegation import COMMAND, delegate, list_delegations, withdraw_delegation
from kernel.command_line import json_option, print_record, print_records


def delegate_command(load: Load) -> click.Command:
    """Return ``delegate``."""

    @click.command("delegate")
    @click.argument("person")
    @click.argument("role_name", metavar="ROLE")
    @client_option
    @institution_option
    @click.option(
        "--may",
        type=click.Choice(["assign", "approve", "both"]),
        default="assign",
        help="Give it, approve it, or both.",
    )
    @json_option
    def delegate_(person: str, role_name: str, client_id: str, ruc: str, may: str, as_json: bool) -> None:
        """Let PERSON (cédula or id) of an institution give, or approve, ROLE there."""
        services = load()
        with services.database.transaction() as session:
            granted = delegate(
                session,
                journal=services.journal,
                institution_id=find_institution_by_ruc(session, ruc).id,
                person_id=find_person_by(session, person).id,
                role_id=find_role_by_name(session, client_id=client_id, name=role_name).id,
                may_assign=may != "approve",
                may_approve=may != "assign",
                actor=COMMAND,
                now=services.clock.now(),
            )
            record = delegation_record(session, granted)
        print_record(record, as_json=as_json)

    return delegate_


def undelegate_command(load: Load) -> click.Command:
    """Return ``undelegate``."""

    @click.command("undelegate")
    @click.argument("delegation_id", metavar="ID")
    @json_option
    def undelegate(delegation_id: str, as_json: bool) -> None:
        """Take a delegation back; what was given by it stays."""
        services = load()
        with services.database.transaction() as session:
            taken = withdraw_delegation(
                session,
                journal=services.journal,
                delegation_id=delegation_id,
                actor=COMMAND,
                now=services.clock.now(),
            )
            record = delegation_record(session, taken)
        print_record(record, as_json=as_json)

    return undelegate


def delegations_command(load: Load) -> click.Command:
    """Return ``delegations``."""

    @click.command("delegations")
    @click.option("--institution", "ruc", metavar="RUC", help="Only this institution's.")
    @json_option
    def delegations(ruc: str | None, as_json: bool) -> None:
        """List who may give or approve which roles, by institution."""
        with load().database.reading() as session:
            institution_id = find_institution_by_ruc(session, ruc).id if ruc else None
            records = [
                delegation_record(session, each) for each in list_delegations(session, institution_id=institution_id)
            ]
        print_records(records, as_json=as_json, empty="Nothing is delegated.")

    return delegations
