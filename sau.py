"""The ``sau`` program: command-line composition root."""

# ruff: noqa: E402

from __future__ import annotations

import gc

gc.disable()  # what imports make stays: looking through it for garbage, again and again, is a fifth of the start

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from kernel.errors import ServiceError
from kernel.identifiers import new_id
from kernel.late_import import import_late
from kernel.login import login_name
from kernel.origin import Origin, working_for
from kernel.process import leave_no_core

if TYPE_CHECKING:
    from composition import Composition

# Who brings which commands, what each is for, and what of the composition they are given: a house is imported when one
# of its commands is asked for, as importing all takes as long as what most commands do, and none for the list of them.
# A test holds the names and what they are for to what the houses bring.
HOUSES: dict[str, tuple[str | None, dict[str, str]]] = {
    "idp.commands": (
        "idp",
        {
            "client": "Applications that people log in to.",
            "desk": "Desks where people are helped in person; everyone reads the list at /ayuda/oficinas.",
            "directory": "Directories of institutions (LDAP, Active Directory), whose people log in with their own "
            "passwords.",
            "institution": "Institutions that answer for applications and certificates.",
            "keys": "Keys that sign tokens, and keys to which requests are encrypted.",
            "notices": "Mails and short messages to people, with made-up values.",
            "provider": "Other OpenID Providers (an institution's Keycloak or Entra) through which people sign in "
            "here.",
            "rp": "Relying applications, seen from outside.",
            "user": "People who can log in.",
        },
    ),
    "idp.deliveries.commands": ("idp", {"delivery": "What applications are told and could not be told yet."}),
    "audit.commands": ("audit", {"audit": "The evidence: verify, search, prove, export."}),
    "audit.witness.commands": (
        None,
        {"witness": "Co-sign others' logs as long as they only grow; on a machine of its own."},
    ),
    "admin.commands": (
        "admin",
        {
            "role": "Who may do what: roles of this console (grant, withdraw, list), and of applications.",
            "waiting": "What waits for people's decisions, and what is about to break, as the console's front page "
            "counts it.",
        },
    ),
    "ca.commands": (
        "ca",
        {
            "acme": "Automatic issuance for servers (ACME): who may open accounts, and who has.",
            "ca": "The certificate authority: hierarchy, profiles, requests, certificates, lists.",
            "cmp": "Certificate Management Protocol (RFC 9810).",
            "est": "Enrolment over Secure Transport (RFC 7030).",
            "tsa": "Time-stamps (RFC 3161).",
        },
    ),
    "operations.commands": (
        None,
        {
            "backup": "Write database, sealed keys, heads of the logs and settings to one sealed FILE, while the "
            "service runs.",
            "recovery-key": "Make the key that opens backups, under a passphrase, and print its public half for "
            "SAU_BACKUP_KEYS.",
            "restore": "Bring a backup back into an empty database and home, or only look with --verify, and verify "
            "all of it.",
        },
    ),
    "operations.shell_commands": (
        None,
        {
            "completion": "Print what completes commands, options and files at the tabulator in SHELL.",
            "man": "Print the manual page, made from the commands themselves: sau man > sau.1; man -l sau.1.",
        },
    ),
    "operations.service_commands": (
        None,
        {
            "db": "The database's schema.",
            "doctor": "Examine the installation.",
            "init": "Make database, keys, root and issuing CA, and the first administrator's one-time link.",
            "serve": "Serve over HTTP, with the background worker beside.",
            "worker": "Do background work only: sequencing, mail, CRL and OCSP upkeep, clean-up.",
        },
    ),
    "operations.configuration_commands": (
        None,
        {"config": "The service's settings, and what stands in its register as a file."},
    ),
}


@cache
def _composition() -> Composition:
    """The service of this command: made when a command first needs it, so that ``--help`` needs nothing."""
    settings = import_late("kernel.settings").load_settings()
    made: Composition = import_late("composition").Composition(settings)
    return made


def _installed() -> Composition:
    """The service of a command that needs one to be there: asking for it makes no folder."""
    import_late("kernel.settings").require_home()
    return _composition()


class _Program(click.Group):
    """Turns errors that the service foresaw into one line on stderr and exit status 1; 2 stays for wrong usage."""

    def invoke(self, ctx: click.Context) -> Any:
        os.umask(0o077)  # what this program writes is nobody else's to read
        leave_no_core()
        origin = Origin(request_id=new_id(), channel=f"command:{login_name()}"[:64])
        try:
            with working_for(origin):
                return super().invoke(ctx)
        except ServiceError as error:
            click.echo(f"sau: {error.public_detail or error.code} [{error.code}]", err=True)
            sys.exit(1)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for house, (_, names) in HOUSES.items():
            if cmd_name in names:
                _enter(house)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _listed().list_commands(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _listed().format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=_listed().commands[name].get_short_help_str()) for name in found]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sau")
@click.pass_context
def main(context: click.Context) -> None:
    """SAU: single sign-on and certificate authority with a verifiable audit log."""
    context.obj = lambda: _composition()


@cache
def _listed() -> click.Group:
    """The commands as a list of them shows each: nothing is imported for it."""
    named = {name: told for _, commands in HOUSES.values() for name, told in commands.items()}
    return click.Group(commands=[click.Command(name, help=told) for name, told in named.items()])


@cache
def _enter(house: str) -> None:
    """Add a house's commands to the program."""
    part = HOUSES[house][0]
    for command in import_late(house).commands(lambda: getattr(_installed(), part) if part else _composition()):
        main.add_command(command)
    if house == "audit.commands":  # what it has of the operations: it is about both logs, and needs the whole service
        audit = main.commands["audit"]
        assert isinstance(audit, click.Group)
        for command in import_late("operations.commands").audit_commands(lambda: _composition()):
            audit.add_command(command)
    if house == "idp.commands":  # how applications are used is counted by the console, which stands above them
        client = main.commands["client"]
        assert isinstance(client, click.Group)
        for command in import_late("admin.applications.commands").client_commands(lambda: _installed().idp):
            client.add_command(command)


def every_command() -> _Program:
    """Return the program with the commands of every house."""
    for house in HOUSES:
        _enter(house)
    assert isinstance(main, _Program)
    return main


gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
