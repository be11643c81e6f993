"""``sau role`` about applications."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click
import yaml

from idp.directory.institutions import find_institution_by_ruc
from idp.rights.approval import decide_assignment
from idp.rights.assignment import assign_role, end_assignment, find_assignment
from idp.rights.catalog import compare, declare_rights, find_role_by_name, list_roles
from idp.rights.command_line.delegations import delegate_command, delegations_command, undelegate_command
from idp.rights.command_line.records import (
    DATE,
    Load,
    as_utc,
    assignment_record,
    changing,
    client_option,
    dry_run_option,
    find_person_by,
    institution_option,
    line_record,
)
from idp.rights.declaration import parse_declaration
from idp.rights.delegation import COMMAND
from idp.rights.reports import report_holders
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import Rejected

_SIZE_LIMIT = 1_000_000


def role_subcommands(load: Load) -> list[click.Command]:
    """Return what ``sau role`` can do about applications."""
    return [
        _declare(load),
        _catalog(load),
        _assign(load),
        _approve(load),
        _refuse(load),
        _end(load),
        _holders(load),
        delegate_command(load),
        undelegate_command(load),
        delegations_command(load),
    ]


def _declare(load: Load) -> click.Command:
    @click.command("declare")
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
    @dry_run_option
    @json_option
    def declare(file: Path, dry_run: bool, as_json: bool) -> None:
        """Take an application's roles and permissions from FILE (YAML); print what changed. The same again: nothing."""
        if file.stat().st_size > _SIZE_LIMIT:
            raise Rejected("The file is too large.", code="bad_declaration")
        try:
            document = yaml.safe_load(file.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise Rejected("The file is not YAML.", code="bad_declaration") from error
        services, declaration = load(), parse_declaration(document)
        if dry_run:
            with services.database.reading() as session:
                difference = compare(session, declaration)
        else:
            with services.database.transaction() as session:
                difference = declare_rights(
                    session, journal=services.journal, declaration=declaration, actor=COMMAND, now=services.clock.now()
                )
        if as_json:
            print_record({"application": declaration.client_id, "changes": list(difference.lines)}, as_json=True)
            return
        for line in difference.lines or ("Nothing changes.",):
            click.echo(line)

    return declare


def _catalog(load: Load) -> click.Command:
    @click.command("catalog")
    @click.option("--client", "client_id", help="Only this application's.")
    @json_option
    def catalog(client_id: str | None, as_json: bool) -> None:
        """List the roles of applications, with their permissions."""
        with load().database.reading() as session:
            records = [
                {
                    "client_id": role.client_id,
                    "role": role.name,
                    "name": role.said("es"),
                    "permissions": list(role.permissions),
                    "needs_approval": role.needs_approval,
                    "sensitive": role.sensitive,
                    "max_days": role.max_days,
                    "excludes": list(role.excludes),
                }
                for role in list_roles(session, client_id=client_id)
            ]
        print_records(records, as_json=as_json, empty="No application has declared roles.")

    return catalog


def _assign(load: Load) -> click.Command:
    @click.command("assign")
    @click.argument("person")
    @click.argument("role_name", metavar="ROLE")
    @client_option
    @institution_option
    @click.option("--reason", required=True, help="Why; it stays on record.")
    @click.option("--from", "valid_from", type=DATE, help="From when on; default: now.")
    @click.option("--until", "valid_until", type=DATE, help="Until when; default: as long as the role allows.")
    @dry_run_option
    @json_option
    def assign(
        person: str,
        role_name: str,
        client_id: str,
        ruc: str,
        reason: str,
        valid_from: datetime | None,
        valid_until: datetime | None,
        dry_run: bool,
        as_json: bool,
    ) -> None:
        """Give ROLE of an application to PERSON (cédula or id) of an institution."""
        services = load()
        with changing(services, dry_run) as session:
            given = assign_role(
                session,
                journal=services.journal,
                institution_id=find_institution_by_ruc(session, ruc).id,
                person_id=find_person_by(session, person).id,
                role_id=find_role_by_name(session, client_id=client_id, name=role_name).id,
                reason=reason,
                valid_from=as_utc(valid_from),
                valid_until=as_utc(valid_until),
                actor=COMMAND,
                now=services.clock.now(),
            )
            print_record(assignment_record(session, given), as_json=as_json)

    return assign


def _approve(load: Load) -> click.Command:
    @click.command("approve")
    @click.argument("assignment_id", metavar="ID")
    @json_option
    def approve(assignment_id: str, as_json: bool) -> None:
        """Approve what a delegated administrator proposed; not what this command proposed."""
        _decide(load(), assignment_id, approved=True, reason="", as_json=as_json)

    return approve


def _refuse(load: Load) -> click.Command:
    @click.command("refuse")
    @click.argument("assignment_id", metavar="ID")
    @click.option("--reason", required=True, help="Why; it stays on record.")
    @json_option
    def refuse(assignment_id: str, reason: str, as_json: bool) -> None:
        """Refuse what was proposed."""
        _decide(load(), assignment_id, approved=False, reason=reason, as_json=as_json)

    return refuse


def _decide(services: IdpServices, assignment_id: str, *, approved: bool, reason: str, as_json: bool) -> None:
    with services.database.transaction() as session:
        seen = find_assignment(session, assignment_id, institution_id=None).proposal_sha256
        decided = decide_assignment(
            session,
            journal=services.journal,
            assignment_id=assignment_id,
            institution_id=None,
            approved=approved,
            seen_sha256=seen,
            actor=COMMAND,
            reason=reason,
            now=services.clock.now(),
        )
        record = assignment_record(session, decided)
    print_record(record, as_json=as_json)


def _end(load: Load) -> click.Command:
    @click.command("end")
    @click.argument("assignment_id", metavar="ID")
    @click.option("--reason", required=True, help="Why; it stays on record.")
    @dry_run_option
    @json_option
    def end(assignment_id: str, reason: str, dry_run: bool, as_json: bool) -> None:
        """Take a role of an application away at once."""
        services = load()
        with changing(services, dry_run) as session:
            ended = end_assignment(
                session,
                journal=services.journal,
                assignment_id=assignment_id,
                institution_id=None,
                reason=reason,
                actor=COMMAND,
                now=services.clock.now(),
            )
            print_record(assignment_record(session, ended), as_json=as_json)

    return end


def _holders(load: Load) -> click.Command:
    @click.command("holders")
    @click.option("--client", "client_id", help="Only this application's.")
    @click.option("--institution", "ruc", metavar="RUC", help="Only this institution's.")
    @click.option("--person", help="Cédula or id.")
    @click.option("--pending", is_flag=True, help="What waits for a second person.")
    @click.option("--older-than", type=click.IntRange(min=1), metavar="DAYS", help="Given longer ago: to be looked at.")
    @json_option
    def holders(
        client_id: str | None,
        ruc: str | None,
        person: str | None,
        pending: bool,
        older_than: int | None,
        as_json: bool,
    ) -> None:
        """List who holds which role of which application, since when, by whom."""
        services = load()
        with services.database.reading() as session:
            lines = report_holders(
                session,
                client_id=client_id,
                institution_rucs=frozenset({find_institution_by_ruc(session, ruc).ruc}) if ruc else None,
                person_id=find_person_by(session, person).id if person else None,
                pending=pending,
                older_than=timedelta(days=older_than) if older_than else None,
                now=services.clock.now(),
            )
        print_records([line_record(line) for line in lines], as_json=as_json, empty="Nobody holds a role.")

    return holders
