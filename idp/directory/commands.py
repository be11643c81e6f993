"""``sau institution``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from idp.directory.institutions import (
    Institution,
    add_institution,
    change_institution,
    find_institution_by_ruc,
    list_institutions,
    set_institution_contact,
    set_institution_networks,
)
from idp.directory.ruc import has_check_digit, normalize_ruc
from idp.rights.command_line.people import people_commands
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records


def institution_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``institution``."""

    @click.group()
    def institution() -> None:
        """Institutions that answer for applications and certificates."""

    @institution.command()
    @click.option("--ruc", required=True, help="13 digits.")
    @click.option("--name", required=True, help="Official name.")
    @click.option("--domain", "domains", multiple=True, help="DNS domain that it holds; may be repeated.")
    @json_option
    def add(ruc: str, name: str, domains: tuple[str, ...], as_json: bool) -> None:
        """Add an institution."""
        normalize_ruc(ruc)  # before anything is opened: a slip of the hand needs no installation
        services = load()
        with services.database.transaction() as session:
            added = add_institution(
                session, journal=services.journal, ruc=ruc, name=name, domains=domains, now=services.clock.now()
            )
        if not has_check_digit(added.ruc):
            click.echo(f"Warning: the check digit of RUC {added.ruc} does not fit; please compare it again.", err=True)
        print_record(_record(added), as_json=as_json)

    @institution.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List institutions by name."""
        with load().database.reading() as session:
            print_records([_record(item) for item in list_institutions(session)], as_json=as_json)

    @institution.command()
    @click.argument("ruc")
    @json_option
    def show(ruc: str, as_json: bool) -> None:
        """Show the institution with this RUC."""
        with load().database.reading() as session:
            print_record(_record(find_institution_by_ruc(session, ruc)), as_json=as_json)

    @institution.command()
    @click.argument("ruc")
    @click.option("--name", help="Official name.")
    @click.option("--domain", "domains", multiple=True, help="DNS domain that it holds, in place of all before.")
    @click.option("--no-domains", is_flag=True, help="It holds none any more.")
    @click.option("--close/--open", default=None, help="A closed one gets no new application and no new certificate.")
    @json_option
    def change(
        ruc: str, name: str | None, domains: tuple[str, ...], no_domains: bool, close: bool | None, as_json: bool
    ) -> None:
        """Change what the institution with this RUC is called, which domains it holds, or whether it goes on.

        What was issued for a domain that it lost stays; see sau ca revoke.
        """
        if no_domains and domains:
            raise click.UsageError("--domain or --no-domains, not both.")
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = name
        if domains or no_domains:
            changes["domains"] = domains
        if close is not None:
            changes["active"] = not close
        if not changes:
            raise click.UsageError("Say what is to be otherwise.")
        services = load()
        with services.database.transaction() as session:
            changed = change_institution(
                session,
                journal=services.journal,
                institution_id=find_institution_by_ruc(session, ruc).id,
                changes=changes,
                now=services.clock.now(),
            )
        print_record(_record(changed), as_json=as_json)

    @institution.command()
    @click.argument("ruc")
    @click.argument("email")
    @json_option
    def contact(ruc: str, email: str, as_json: bool) -> None:
        """Set who is written to about the certificates of the institution with this RUC; "" for nobody."""
        services = load()
        with services.database.transaction() as session:
            changed = set_institution_contact(
                session,
                journal=services.journal,
                institution_id=find_institution_by_ruc(session, ruc).id,
                email=email,
                now=services.clock.now(),
            )
        print_record(_record(changed), as_json=as_json)

    @institution.command()
    @click.argument("ruc")
    @click.argument("networks", nargs=-1)
    @json_option
    def networks(ruc: str, networks: tuple[str, ...], as_json: bool) -> None:
        """Set the networks (CIDR) in which certificates of the institution may name addresses; none named: no address.

        Look up in the registry's records that the institution holds them.
        """
        services = load()
        with services.database.transaction() as session:
            changed = set_institution_networks(
                session,
                journal=services.journal,
                institution_id=find_institution_by_ruc(session, ruc).id,
                networks=networks,
                now=services.clock.now(),
            )
        print_record(_record(changed), as_json=as_json)

    institution.add_command(people_commands(load))
    return institution


def _record(institution: Institution) -> dict[str, Any]:
    return {
        "id": institution.id,
        "ruc": institution.ruc,
        "name": institution.name,
        "domains": list(institution.domains),
        "networks": list(institution.networks),
        "active": institution.active,
        "contact_email": institution.contact_email,
    }
