"""``sau institution people``."""

from __future__ import annotations

from datetime import datetime

import click

from idp.directory.institutions import find_institution_by_ruc
from idp.rights.belonging import begin_belonging, change_belonging, list_belongings
from idp.rights.command_line.records import (
    DATE,
    Load,
    as_utc,
    belonging_record,
    changing,
    dry_run_option,
    find_belonging_by,
    find_person_by,
)
from idp.rights.delegation import COMMAND
from idp.rights.leaving import leave_institution
from kernel.command_line import json_option, print_record, print_records


def people_commands(load: Load) -> click.Group:
    """Return the group ``institution people``."""

    @click.group()
    def people() -> None:
        """Who works at an institution."""

    @people.command("list")
    @click.argument("ruc")
    @json_option
    def list_(ruc: str, as_json: bool) -> None:
        """List the people of the institution with this RUC."""
        with load().database.reading() as session:
            found = list_belongings(session, institution_id=find_institution_by_ruc(session, ruc).id)
            records = [belonging_record(session, each) for each in found]
        print_records(records, as_json=as_json, empty="Nobody belongs to this institution.")

    @people.command()
    @click.argument("ruc")
    @click.argument("person")
    @click.option("--post", default="", help="What the person is there.")
    @click.option("--since", type=DATE, help="From when on; default: now.")
    @click.option("--until", type=DATE, help="Until when; default: open.")
    @dry_run_option
    @json_option
    def add(
        ruc: str,
        person: str,
        post: str,
        since: datetime | None,
        until: datetime | None,
        dry_run: bool,
        as_json: bool,
    ) -> None:
        """Note that PERSON (cédula or id) works at the institution."""
        services = load()
        with changing(services, dry_run) as session:
            begun = begin_belonging(
                session,
                journal=services.journal,
                institution_id=find_institution_by_ruc(session, ruc).id,
                person_id=find_person_by(session, person).id,
                post=post,
                since=as_utc(since),
                until=as_utc(until),
                actor=COMMAND,
                now=services.clock.now(),
            )
            print_record(belonging_record(session, begun), as_json=as_json)

    @people.command()
    @click.argument("ruc")
    @click.argument("person")
    @click.option("--post", help="What the person is there now.")
    @click.option("--until", type=DATE, help="Until when; default: open.")
    @json_option
    def change(ruc: str, person: str, post: str | None, until: datetime | None, as_json: bool) -> None:
        """Change the post of PERSON (cédula or id), or when he will leave."""
        services = load()
        with services.database.transaction() as session:
            changed = change_belonging(
                session,
                journal=services.journal,
                belonging=find_belonging_by(session, ruc, person),
                post=post,
                until=as_utc(until),
                actor=COMMAND,
                now=services.clock.now(),
            )
            record = belonging_record(session, changed)
        print_record(record, as_json=as_json)

    @people.command()
    @click.argument("ruc")
    @click.argument("person")
    @dry_run_option
    @json_option
    def leave(ruc: str, person: str, dry_run: bool, as_json: bool) -> None:
        """PERSON (cédula or id) leaves: roles, sessions and institutional certificates end at once."""
        services = load()
        with changing(services, dry_run) as session:
            belonging = find_belonging_by(session, ruc, person)
            departure = leave_institution(
                session,
                services=services,
                belonging_id=belonging.id,
                institution_id=belonging.institution_id,
                actor=COMMAND,
                now=services.clock.now(),
            )
        print_record(vars(departure), as_json=as_json)

    return people
