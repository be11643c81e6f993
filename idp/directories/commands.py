"""``sau directory``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from idp.directories.change import change_directory, redescribe
from idp.directories.directory import KINDS, Directory
from idp.directories.health import list_health
from idp.directories.register import (
    Wanted,
    add_directory,
    directory_wanted,
    find_directory_named,
    list_directories,
    map_group,
    set_directory_active,
)
from idp.directory.institutions import find_institution
from idp.rights.groups.mapping import list_group_roles
from idp.services import IdpServices
from kernel.command_line import json_option, print_changes, print_record, print_records
from kernel.errors import Rejected
from kernel.secret_text import SecretText

Load = Callable[[], IdpServices]
_ACTOR = "command"


def directory_commands(load: Load) -> click.Group:
    """Return the group ``directory``."""

    @click.group()
    def directory() -> None:
        """Directories of institutions (LDAP, Active Directory), whose people log in with their own passwords."""

    _add_command(directory, load)
    _looking_commands(directory, load)
    _change_command(directory, load)
    _changing_commands(directory, load)
    return directory


def _add_command(group: click.Group, load: Load) -> None:
    @group.command()
    @click.argument("name")
    @click.option("--ruc", required=True, help="The institution.")
    @click.option("--domain", "domains", multiple=True, required=True, help="After the at sign; may be repeated.")
    @click.option("--url", "urls", multiple=True, required=True, help="ldaps://HOST, or ldap://HOST for StartTLS.")
    @click.option(
        "--kind",
        type=click.Choice(sorted(KINDS)),
        default="active-directory",
        show_default=True,
        help="Where filters and attributes begin.",
    )
    @click.option("--search-base", required=True, help="Where its people are, e.g. ou=gente,dc=salud,dc=gob,dc=ec.")
    @click.option("--username-filter", default="", help="With {username}, perhaps {domain}; none: the kind's usual.")
    @click.option("--cedula-filter", default="", help="With {cedula}; none: the kind's usual.")
    @click.option("--attribute", "attributes", multiple=True, help="cedula=NAME, groups=NAME …; may be repeated.")
    @click.option("--ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its authority, PEM.")
    @click.option("--bind-dn", default="", help="Whom this service searches as.")
    @click.option("--password-stdin", is_flag=True, help="Read that one's password from standard input; it is sealed.")
    @click.option("--password-file", type=click.Path(path_type=Path), help="Or read it from this file whenever needed.")
    @click.option("--bind-template", default="", help="Without a searcher: e.g. {username}@{domain}.")
    @click.option("--create-people", is_flag=True, help="Whoever has no account gets one at the first login.")
    @click.option("--level", type=click.IntRange(1, 2), default=1, show_default=True, help="What it vouches for.")
    @click.option(
        "--nested-groups", type=click.IntRange(0, 5), default=0, show_default=True, help="Floors of groups in groups."
    )
    @click.option("--ask-by-cedula", is_flag=True, help="Also ask it for cédulas that nobody has linked.")
    @click.option("--dry-run", is_flag=True, help="Look at everything and add nothing.")
    @json_option
    def add(
        name: str,
        ruc: str,
        attributes: tuple[str, ...],
        ca_file: Path | None,
        password_stdin: bool,
        create_people: bool,
        ask_by_cedula: bool,
        dry_run: bool,
        as_json: bool,
        **texts: Any,
    ) -> None:
        """Add a directory."""
        services = load()
        wanted = Wanted(
            name=name,
            ruc=ruc,
            attributes=dict(_pair(each) for each in attributes),
            ca_pem=ca_file.read_text() if ca_file else "",
            password=SecretText(sys.stdin.readline().rstrip("\r\n")) if password_stdin else None,
            creates_people=create_people,
            asked_by_cedula=ask_by_cedula,
            **texts,
        )
        with services.database.transaction() as session:
            made, _ = directory_wanted(services, session, wanted)
            if not dry_run:
                add_directory(session, services=services, directory=made, now=services.clock.now())
        print_record(_record(made), as_json=as_json)


def _looking_commands(group: click.Group, load: Load) -> None:
    @group.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List directories, and how they were when the worker last looked."""
        services = load()
        with services.database.reading() as session:
            found = list_directories(session, services=services)
            health = {each.name: each for each in list_health(session)}
        records = []
        for each in found:
            last = health.get(each.name)
            state = "closed" if not each.active else "unknown" if last is None else last.reason or "up"
            servers = [str(server) for server in each.servers]
            records.append({"name": each.name, "domains": list(each.domains), "servers": servers, "state": state})
        print_records(records, as_json=as_json)

    @group.command()
    @click.argument("name")
    @json_option
    def show(name: str, as_json: bool) -> None:
        """Show a directory, without its password, and what its groups are worth."""
        services = load()
        with services.database.reading() as session:
            found = find_directory_named(session, services=services, name=name)
            lines = list_group_roles(session, source_id=found.id)
        groups = [f"{line.group} → {line.role.name} ({line.role.client_id})" for line in lines]
        print_record({**_record(found), "groups": groups}, as_json=as_json)

    @group.command()
    @click.argument("name")
    @json_option
    def test(name: str, as_json: bool) -> None:
        """Connect to each server of a directory, verify it, and let this service in."""
        services = load()
        with services.database.reading() as session:
            found = find_directory_named(session, services=services, name=name)
        reports = services.directories.examine(found)
        print_records(
            [
                {
                    "server": str(each.server),
                    "result": each.reason.value if each.reason else "ok",
                    "milliseconds": int(each.seconds * 1000),
                }
                for each in reports
            ],
            as_json=as_json,
        )
        if all(each.reason for each in reports):
            sys.exit(1)


def _change_command(group: click.Group, load: Load) -> None:
    @group.command()
    @click.argument("name")
    @click.option("--domain", "domains", multiple=True, help="Those named are all of its people's names.")
    @click.option("--url", "urls", multiple=True, help="Those named are all its servers, in their order.")
    @click.option("--search-base", default=None, help="Where its people are.")
    @click.option("--username-filter", default=None, help="With {username}, perhaps {domain}.")
    @click.option("--cedula-filter", default=None, help="With {cedula}.")
    @click.option("--attribute", "attributes", multiple=True, help="cedula=NAME, groups=NAME …; the rest stays.")
    @click.option("--ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its authority, PEM.")
    @click.option("--bind-dn", default=None, help="Whom this service searches as; empty: nobody.")
    @click.option("--password-stdin", is_flag=True, help="Read that one's new password from standard input.")
    @click.option("--password-file", type=click.Path(path_type=Path), help="Or read it from this file whenever needed.")
    @click.option("--bind-template", default=None, help="Without a searcher: e.g. {username}@{domain}.")
    @click.option("--create-people/--no-create-people", "creates_people", default=None, help="Who has no account.")
    @click.option("--level", type=click.IntRange(1, 2), default=None, help="What it vouches for.")
    @click.option("--nested-groups", type=click.IntRange(0, 5), default=None, help="Floors of groups in groups.")
    @click.option("--ask-by-cedula/--no-ask-by-cedula", "asked_by_cedula", default=None, help="Also for the unlinked.")
    @click.option("--dry-run", is_flag=True, help="Look at everything and change nothing.")
    @json_option
    def change(
        name: str,
        attributes: tuple[str, ...],
        ca_file: Path | None,
        password_stdin: bool,
        dry_run: bool,
        as_json: bool,
        **named: Any,
    ) -> None:
        """Change what is named of a directory; its password is typed again where it would go elsewhere."""
        services = load()
        if ca_file:
            named["ca_pem"] = ca_file.read_text()
        if password_stdin:
            named["password"] = SecretText(sys.stdin.readline().rstrip("\r\n"))
        with services.database.transaction() as session:
            before = find_directory_named(session, services=services, name=name)
            stands = _described(before, find_institution(session, before.institution_id).ruc)
            named["attributes"] = {**stands.attributes, **dict(_pair(each) for each in attributes)}
            wanted = replace(stands, **{each: value for each, value in named.items() if value not in (None, ())})
            after = redescribe(services, session, before=before, wanted=wanted)
            changes = change_directory(
                session, services=services, before=before, after=after, actor=_ACTOR, now=services.clock.now()
            )
            if dry_run:
                session.rollback()
        if as_json:
            print_record({**_record(after), "changes": [asdict(each) for each in changes]}, as_json=True)
        else:
            print_changes([(each.name, each.before, each.after) for each in changes])


def _described(directory: Directory, ruc: str) -> Wanted:
    """Return the directory as an operator would describe it; the password is not among it: it stays."""
    return Wanted(
        name=directory.name,
        ruc=ruc,
        domains=directory.domains,
        urls=tuple(map(str, directory.servers)),
        kind="ldap",
        search_base=directory.search_base,
        username_filter=directory.username_filter,
        cedula_filter=directory.cedula_filter,
        attributes=asdict(directory.attributes),
        ca_pem=directory.ca_pem,
        bind_dn=directory.bind_dn,
        bind_template=directory.bind_template,
        creates_people=directory.creates_people,
        level=directory.level,
        asked_by_cedula=directory.asked_by_cedula,
        nested_groups=directory.nested_groups,
    )


def _changing_commands(group: click.Group, load: Load) -> None:
    def set_active(name: str, active: bool, as_json: bool) -> None:
        services = load()
        with services.database.transaction() as session:
            changed = set_directory_active(
                session, services=services, name=name, active=active, now=services.clock.now()
            )
        print_record(_record(changed), as_json=as_json)

    @group.command()
    @click.argument("name")
    @json_option
    def disable(name: str, as_json: bool) -> None:
        """Ask a directory no more: its people log in with a password of their own, or not."""
        set_active(name, False, as_json)

    @group.command()
    @click.argument("name")
    @json_option
    def enable(name: str, as_json: bool) -> None:
        """Ask a directory again."""
        set_active(name, True, as_json)

    @group.command("map")
    @click.argument("name")
    @click.argument("group_dn")
    @click.argument("role")
    @click.option("--client", "client_id", default="", help="The application; none: the only one with such a role.")
    @click.option("--remove", is_flag=True, help="Take the mapping away.")
    @json_option
    def map_(name: str, group_dn: str, role: str, client_id: str, remove: bool, as_json: bool) -> None:
        """Say that people of a group (its distinguished name) have a role of an application."""
        services = load()
        with services.database.transaction() as session:
            line = map_group(
                session,
                services=services,
                name=name,
                group=group_dn,
                role=role,
                client_id=client_id,
                mapped=not remove,
                now=services.clock.now(),
            )
        record = {"directory": name, "group": line.group, "role": line.role.name, "client": line.role.client_id}
        print_record({**record, "mapped": not remove}, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise Rejected("Write --attribute cedula=employeeID.", code="bad_attribute")
    return name.strip(), value


def _record(directory: Directory) -> dict[str, Any]:
    return {
        "name": directory.name,
        "id": directory.id,
        "institution_id": directory.institution_id,
        "domains": list(directory.domains),
        "servers": [str(each) for each in directory.servers],
        "own_authority": bool(directory.ca_pem),
        "bind_dn": directory.bind_dn,
        "password": str(directory.password_file)
        if directory.password_file
        else "sealed"
        if directory.password
        else "-",
        "bind_template": directory.bind_template,
        "search_base": directory.search_base,
        "username_filter": directory.username_filter,
        "cedula_filter": directory.cedula_filter,
        "cedula_attribute": directory.attributes.cedula,
        "groups_attribute": directory.attributes.groups,
        "nested_groups": directory.nested_groups,
        "creates_people": directory.creates_people,
        "level": directory.level,
        "asked_by_cedula": directory.asked_by_cedula,
        "active": directory.active,
    }
