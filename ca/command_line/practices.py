"""``sau ca practices show | open | example``: the certification practice statement (RFC 3647)."""

from __future__ import annotations

from collections.abc import Callable

import click

from ca.issuance.authority import list_authorities
from ca.practices.statement import LANGUAGES, example, filled, statement
from ca.practices.values import issuing_organization, statement_values
from ca.services import CaServices
from kernel.command_line import json_option, print_records

_LANGUAGE = click.option(
    "--language", type=click.Choice(LANGUAGES), default="es", show_default=True, help="Language of the texts."
)


def practices_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``practices``."""
    group = click.Group("practices", help="The certification practice statement (RFC 3647), as /pki/cps shows it.")

    @group.command()
    @_LANGUAGE
    @json_option
    def show(language: str, as_json: bool) -> None:
        """Show every clause: what the program does, and what is declared."""
        services = load()
        with services.database.reading() as session:
            organization = issuing_organization(list_authorities(session))
        values = statement_values(services.settings, services.profiles, organization=organization)
        records = [
            {
                "number": clause.number,
                "title": clause.title.within(language),
                "text": filled(clause.text, values, language) if clause.text else None,
                "declared": clause.declared.within(language) if clause.declared else None,
                "open": clause.is_open,
                "tests": list(clause.tests),
            }
            for clause in statement(services.settings.pki_practices_file)
        ]
        if as_json:
            print_records(records, as_json=True)
            return
        for record in records:
            click.echo(f"{record['number']}  {record['title']}")
            for name in ("text", "declared"):
                if record[name]:
                    click.echo(f"    {record[name]}")
            if record["open"]:
                click.echo("    (to be declared)")

    @group.command("open")
    @_LANGUAGE
    @json_option
    def open_(language: str, as_json: bool) -> None:
        """List the clauses that who runs the service has still to declare."""
        clauses = [clause for clause in statement(load().settings.pki_practices_file) if clause.is_open]
        records = [{"number": clause.number, "title": clause.title.within(language)} for clause in clauses]
        print_records(records, as_json=as_json, empty="Everything is declared.")

    @group.command("example")
    def example_() -> None:
        """Print a file for SAU_PKI_PRACTICES_FILE with every clause that is open, to be filled in."""
        click.echo(example(statement(load().settings.pki_practices_file)))

    return group
