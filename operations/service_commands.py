"""`sau init`, `serve`, `worker`, `db`, `config`, `doctor`: the service as a whole.

What each works on is made when it runs: the program gives :data:`Load` as its context's object.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import click

from composition import Composition
from kernel.command_line import json_option, print_record, print_records
from kernel.process import end_with_parent, name_process
from kernel.settings import Settings, load_settings, require_home
from operations import schema
from operations.background import background_worker
from operations.configuration_commands import apply, export
from operations.doctor import examine
from operations.installation import install
from operations.serving import serve as serve_forever
from operations.starting import record_start, upgrade_schema
from web.logging import configure_logging

Load = Callable[[], Composition]


def commands(_load: Load) -> list[click.Command]:
    """Return the commands of the service."""
    return [init, serve, worker, db, config, doctor]


@click.command()
@click.option("--demo", is_flag=True, help="Add test people, institutions and two portals (loopback and .test only).")
@click.option("--without-authorities", is_flag=True, help="Make no root: it comes from 'sau ca ceremony'.")
@json_option
@click.pass_obj
def init(load: Load, demo: bool, without_authorities: bool, as_json: bool) -> None:
    """Make database, keys, root and issuing CA, and the first administrator's one-time link. Safe to repeat."""
    if demo and without_authorities:
        raise click.UsageError("The demonstration needs authorities.")
    report = install(load(), demo=demo, authorities=not without_authorities)
    print_record(report.as_record(), as_json=True) if as_json else click.echo(report.as_text())


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="Address to listen on; default SAU_BIND.")
@click.option("--workers", type=click.IntRange(1, 64), help="Web worker processes; default SAU_WORKERS.")
@click.option("--roles", metavar="idp,pki,admin", help="What these processes serve; default all.")
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM chain for HTTPS.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM key for HTTPS.")
@click.option("--no-worker", is_flag=True, help="Do not start the background worker beside.")
@click.pass_obj
def serve(
    load: Load,
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
    run_worker = None if no_worker else partial(_work, load)
    serve_forever(settings, tls_cert=tls_cert, tls_key=tls_key, run_worker=run_worker)


@click.command()
@click.option("--parent", type=int, hidden=True)
@click.pass_obj
def worker(load: Load, parent: int | None) -> None:
    """Do background work only: sequencing, mail, CRL and OCSP upkeep, clean-up."""
    _work(load, parent)


def _work(load: Load, parent: int | None) -> None:
    """Do background work until told to stop, or until the process ``parent`` is gone."""
    name_process("sau worker")
    if parent:
        end_with_parent(parent)
    composition = load()
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


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
@click.option("--stopped", is_flag=True, help="Every process of the old release is stopped, on every machine.")
@json_option
@click.pass_obj
def upgrade(load: Load, stopped: bool, as_json: bool) -> None:
    """Bring the schema to this release's revision. Two at once are safe.

    The old release may go on running meanwhile, unless a migration moves what it uses: that one asks for --stopped.
    """
    if not stopped and (moving := schema.stop_first(load().database)):
        reasons = "; ".join(f"{revision}: {why}" for revision, why in moving.items())
        raise click.ClickException(
            f"The old release cannot run beside this change ({reasons}). "
            "Stop every process of it, then run 'sau db upgrade --stopped'."
        )
    print_record({"revision": upgrade_schema(load())}, as_json=as_json)


@db.command()
@json_option
@click.pass_obj
def current(load: Load, as_json: bool) -> None:
    """Show the schema's revision and this release's."""
    require_home()
    database = load().database
    found, newest = schema.current(database)
    record = {"database": found, "release": newest, "current": found == newest}
    print_record({**record, "stop_first": sorted(schema.stop_first(database))}, as_json=as_json)


@click.group()
def config() -> None:
    """The service's settings, and what stands in its register as a file."""


config.add_command(export)
config.add_command(apply)


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


@click.command()
@json_option
@click.pass_obj
def doctor(load: Load, as_json: bool) -> None:
    """Examine the installation. Exit status: 0 well, 1 warnings, 2 something is broken."""
    require_home()
    findings = examine(load())
    if as_json:
        print_records([finding.as_record() for finding in findings], as_json=True)
    else:
        for finding in findings:
            click.echo(finding.as_text())
    sys.exit(max(finding.severity for finding in findings))
