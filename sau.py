"""The ``sau`` program: command-line composition root."""

# ruff: noqa: E402

from __future__ import annotations

import gc

gc.disable()  # what imports make stays: looking through it for garbage, again and again, is a fifth of the start

import os
import signal
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import click

import admin.commands
import audit.commands
import ca.commands
import idp.commands
import operations.commands
from audit.witness.commands import witness_group
from composition import Composition
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import NotFound, ServiceError
from kernel.identifiers import new_id
from kernel.login import login_name
from kernel.origin import Origin, working_for
from kernel.process import end_with_parent, leave_no_core, name_process
from kernel.settings import Settings, load_settings
from operations import schema
from operations.background import background_worker
from operations.doctor import examine
from operations.installation import install
from operations.serving import serve as serve_forever
from operations.starting import record_start, upgrade_schema
from web.logging import configure_logging

gc.freeze()
gc.enable()


@cache
def _composition() -> Composition:
    """The service of this command: made when a command first needs it, so that ``--help`` needs nothing."""
    return Composition(load_settings())


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


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sau")
def main() -> None:
    """SAU: single sign-on and certificate authority with a verifiable audit log."""


@main.command()
@click.option("--demo", is_flag=True, help="Add test people, institutions and two portals (loopback and .test only).")
@click.option("--without-authorities", is_flag=True, help="Make no root: it comes from 'sau ca ceremony'.")
@json_option
def init(demo: bool, without_authorities: bool, as_json: bool) -> None:
    """Make database, keys, root and issuing CA, and the first administrator's one-time link. Safe to repeat."""
    if demo and without_authorities:
        raise click.UsageError("The demonstration needs authorities.")
    report = install(_composition(), demo=demo, authorities=not without_authorities)
    print_record(report.as_record(), as_json=True) if as_json else click.echo(report.as_text())


@main.command()
@click.option("--bind", metavar="HOST:PORT", help="Address to listen on; default SAU_BIND.")
@click.option("--workers", type=click.IntRange(1, 64), help="Web worker processes; default SAU_WORKERS.")
@click.option("--roles", metavar="idp,pki,admin", help="What these processes serve; default all.")
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM chain for HTTPS.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM key for HTTPS.")
@click.option("--no-worker", is_flag=True, help="Do not start the background worker beside.")
def serve(
    bind: str | None,
    workers: int | None,
    roles: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    no_worker: bool,
) -> None:
    """Serve over HTTP, with the background worker beside."""
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    # The web workers are processes of their own and read their settings from the environment.
    for name, value in (("SAU_BIND", bind), ("SAU_WORKERS", workers), ("SAU_ROLES", roles)):
        if value is not None:
            os.environ[name] = str(value)
    settings = load_settings()
    configure_logging(level=settings.log_level, form=settings.log_format)
    _require_current_schema(Composition(settings))
    run_worker = None if no_worker else _work
    serve_forever(settings, tls_cert=tls_cert, tls_key=tls_key, run_worker=run_worker)


@main.command()
@click.option("--parent", type=int, hidden=True)
def worker(parent: int | None) -> None:
    """Do background work only: sequencing, mail, CRL and OCSP upkeep, clean-up."""
    _work(parent)


def _work(parent: int | None) -> None:
    """Do background work until told to stop, or until the process ``parent`` is gone."""
    name_process("sau worker")
    if parent:
        end_with_parent(parent)
    composition = _composition()
    settings = composition.settings
    configure_logging(level=settings.log_level, form=settings.log_format)
    _require_current_schema(composition)
    record_start(composition, process="worker")
    running = background_worker(composition)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        running.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    running.run_forever()


def _require_current_schema(composition: Composition) -> None:
    found, newest = schema.current(composition.database)
    usable = schema.fits(composition.database)
    composition.database.dispose()
    if found is None:
        raise click.ClickException("There is no installation here yet: run 'sau init' first.")
    if not usable:
        raise click.ClickException(f"The schema is at {found}, this release needs {newest}: run 'sau db upgrade'.")


def _installed() -> Composition:
    """The service of a command that needs one to be there: asking for it makes no folder."""
    _require_home()
    return _composition()


def _require_home() -> None:
    """Asking about an installation that is not there makes no folder for it."""
    settings = load_settings()
    if not settings.home.exists():
        raise NotFound(f"There is no installation in {settings.home} yet: run 'sau init' first.", code="not_installed")


@main.group()
def db() -> None:
    """The database's schema."""


@db.command()
@click.option("--stopped", is_flag=True, help="Every process of the old release is stopped, on every machine.")
@json_option
def upgrade(stopped: bool, as_json: bool) -> None:
    """Bring the schema to this release's revision. Two at once are safe.

    The old release may go on running meanwhile, unless a migration moves what it uses: that one asks for --stopped.
    """
    if not stopped and (moving := schema.stop_first(_composition().database)):
        reasons = "; ".join(f"{revision}: {why}" for revision, why in moving.items())
        raise click.ClickException(
            f"The old release cannot run beside this change ({reasons}). "
            "Stop every process of it, then run 'sau db upgrade --stopped'."
        )
    print_record({"revision": upgrade_schema(_composition())}, as_json=as_json)


@db.command()
@json_option
def current(as_json: bool) -> None:
    """Show the schema's revision and this release's."""
    _require_home()
    database = _composition().database
    found, newest = schema.current(database)
    record = {"database": found, "release": newest, "current": found == newest}
    print_record({**record, "stop_first": sorted(schema.stop_first(database))}, as_json=as_json)


@main.group()
def config() -> None:
    """The service's settings."""


@config.command()
@json_option
def check(as_json: bool) -> None:
    """Check every setting and show where each stands. Secrets are not shown."""
    settings = load_settings()
    rows = [
        {"setting": f"SAU_{name.upper()}", "value": _shown(settings, name), "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]
    print_records(rows, as_json=as_json)


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if name in ("database_url", "redis_url", "smtp_url", "sms_url") and "@" in str(value):
        scheme, _, rest = str(value).partition("://")
        return f"{scheme}://…@{rest.rpartition('@')[2]}"
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


@main.command()
@json_option
def doctor(as_json: bool) -> None:
    """Examine the installation. Exit status: 0 well, 1 warnings, 2 something is broken."""
    _require_home()
    findings = examine(_composition())
    if as_json:
        print_records([finding.as_record() for finding in findings], as_json=True)
    else:
        for finding in findings:
            click.echo(finding.as_text())
    sys.exit(max(finding.severity for finding in findings))


main.add_command(witness_group())
for _command in (
    *idp.commands.commands(lambda: _installed().idp),
    *audit.commands.commands(lambda: _installed().audit),
    *admin.commands.commands(lambda: _installed().admin),
    *ca.commands.commands(lambda: _installed().ca),
):
    main.add_command(_command)
for _command in operations.commands.commands(_composition):
    main.add_command(_command)
for _command in operations.commands.audit_commands(_composition):
    _audit = main.commands["audit"]
    assert isinstance(_audit, click.Group)
    _audit.add_command(_command)

if __name__ == "__main__":
    main()
