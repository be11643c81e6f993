"""The ``sau`` program: command-line composition root."""

# ruff: noqa: E402

from __future__ import annotations

import gc

gc.disable()  # what imports make stays: looking through it for garbage, again and again, is a fifth of the start

import os
import sys
from functools import cache
from importlib import import_module
from typing import Any

import click

from composition import Composition
from kernel.errors import ServiceError
from kernel.identifiers import new_id
from kernel.login import login_name
from kernel.origin import Origin, working_for
from kernel.process import leave_no_core
from kernel.settings import load_settings, require_home

# Who brings which commands, and what of the composition they are given: a house is imported when one of its commands
# is asked for, as importing all takes as long as what most commands do. A test holds the names to what they bring.
HOUSES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "idp.commands": (
        "idp",
        ("client", "desk", "directory", "institution", "keys", "notices", "provider", "rp", "user"),
    ),
    "idp.deliveries.commands": ("idp", ("delivery",)),
    "audit.commands": ("audit", ("audit",)),
    "audit.witness.commands": (None, ("witness",)),
    "admin.commands": ("admin", ("role", "waiting")),
    "ca.commands": ("ca", ("ca", "acme", "cmp", "est", "tsa")),
    "operations.commands": (None, ("backup", "restore", "recovery-key")),
    "operations.shell_commands": (None, ("completion", "man")),
    "operations.service_commands": (None, ("init", "serve", "worker", "db", "config", "doctor")),
}


@cache
def _composition() -> Composition:
    """The service of this command: made when a command first needs it, so that ``--help`` needs nothing."""
    return Composition(load_settings())


def _installed() -> Composition:
    """The service of a command that needs one to be there: asking for it makes no folder."""
    require_home()
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
        return super(_Program, every_command()).list_commands(ctx)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sau")
@click.pass_context
def main(context: click.Context) -> None:
    """SAU: single sign-on and certificate authority with a verifiable audit log."""
    context.obj = lambda: _composition()


@cache
def _enter(house: str) -> None:
    """Add a house's commands to the program."""
    collecting = gc.isenabled()
    gc.disable()
    part = HOUSES[house][0]
    for command in import_module(house).commands(lambda: getattr(_installed(), part) if part else _composition()):
        main.add_command(command)
    if house == "audit.commands":  # what it has of the operations: it is about both logs, and needs the whole service
        audit = main.commands["audit"]
        assert isinstance(audit, click.Group)
        for command in import_module("operations.commands").audit_commands(lambda: _composition()):
            audit.add_command(command)
    if house == "idp.commands":  # how applications are used is counted by the console, which stands above them
        client = main.commands["client"]
        assert isinstance(client, click.Group)
        for command in import_module("admin.applications.commands").client_commands(lambda: _installed().admin):
            client.add_command(command)
    gc.freeze()
    if collecting:
        gc.enable()


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
