"""``sau desk``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from idp.desk.desks import Desk, add_desk, find_desk, list_desks, remove_desk
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records


def desk_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``desk``."""

    @click.group()
    def desk() -> None:
        """Desks where people are helped in person; everyone reads the list at /ayuda/oficinas."""

    @desk.command()
    @click.option("--institution", required=True, metavar="RUC", help="Whose desk it is.")
    @click.option("--name", required=True, help="What it is called there.")
    @click.option("--city", required=True, help="City or parish; the public list is in its order.")
    @click.option("--address", required=True, help="Street and number, as people look for it.")
    @click.option("--hours", required=True, help='When it is open, in words: "Lunes a viernes, 08:00 a 16:30".')
    @json_option
    def add(institution: str, name: str, city: str, address: str, hours: str, as_json: bool) -> None:
        """Add a desk."""
        services = load()
        with services.database.transaction() as session:
            added = add_desk(
                session,
                journal=services.journal,
                institution_ruc=institution,
                name=name,
                city=city,
                address=address,
                hours=hours,
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(added), as_json=as_json)

    @desk.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List the open desks."""
        with load().database.reading() as session:
            print_records([_record(item) for item in list_desks(session)], as_json=as_json)

    @desk.command()
    @click.argument("id")
    @click.option("--dry-run", is_flag=True, help="Say which it is and change nothing.")
    @json_option
    def remove(id: str, dry_run: bool, as_json: bool) -> None:
        """Close a desk; what was done there keeps naming it."""
        services = load()
        if dry_run:
            with services.database.reading() as session:
                print_record(_record(find_desk(session, id)), as_json=as_json)
            return
        with services.database.transaction() as session:
            removed = remove_desk(
                session, journal=services.journal, desk_id=id, actor="command", now=services.clock.now()
            )
        print_record(_record(removed), as_json=as_json)

    return desk


def _record(desk: Desk) -> dict[str, Any]:
    return {
        "id": desk.id,
        "institution": desk.institution_ruc,
        "name": desk.name,
        "city": desk.city,
        "address": desk.address,
        "hours": desk.hours,
        "open": desk.open,
    }
