"""`sau init`, `serve`, `worker`, `db`, `doctor`: the service as a whole.

What each works on is made when it runs: the program gives :data:`Load` as its context's object. What each works with is
imported then: most of it takes longer to import than help takes to be shown.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from kernel.command_line import json_option, print_record, print_records
from kernel.late_import import import_late
from kernel.process import end_with_parent, name_process

if TYPE_CHECKING:
    from composition import Composition

Load = Callable[[], "Composition"]


_OF_THE_WORKER = ("background", "starting", "schema", "serving")


def _part(name: str) -> Any:
    return import_late(f"operations.{name}")


def commands(_load: Load) -> list[click.Command]:
    """Return the commands of the service."""
    return [init, serve, worker, db, doctor]


@click.command()
@click.option("--demo", is_flag=True, help="Add test people, institutions and two portals (loopback and .test only).")
@click.option("--without-authorities", is_flag=True, help="Make no root: it comes from 'sau ca ceremony'.")
@json_option
@click.pass_obj
def init(load: Load, demo: bool, without_authorities: bool, as_json: bool) -> None:
    """Make database, keys, root and issuing CA, and the first administrator's one-time link. Safe to repeat."""
    if demo and without_authorities:
        raise click.UsageError("The demonstration needs authorities.")
    report = _part("installation").install(load(), demo=demo, authorities=not without_authorities)
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
    settings = import_late("kernel.settings").load_settings()
    import_late("web.logging").configure_logging(level=settings.log_level, form=settings.log_format)
    for name in _OF_THE_WORKER:  # before the processes are forked, that all have it
        _part(name)
    _require_current_schema(import_late("composition").Composition(settings))
    run_worker = None if no_worker else partial(_work, load)
    _part("serving").serve(settings, tls_cert=tls_cert, tls_key=tls_key, run_worker=run_worker)


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
    import_late("web.logging").configure_logging(level=settings.log_level, form=settings.log_format)
    _require_current_schema(composition)
    _part("starting").record_start(composition, process="worker")
    running = _part("background").background_worker(composition)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        running.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    running.run_forever()


def _require_current_schema(composition: Composition) -> None:
    schema = _part("schema")
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
    if not stopped and (moving := _part("schema").stop_first(load().database)):
        reasons = "; ".join(f"{revision}: {why}" for revision, why in moving.items())
        raise click.ClickException(
            f"The old release cannot run beside this change ({reasons}). "
            "Stop every process of it, then run 'sau db upgrade --stopped'."
        )
    print_record({"revision": _part("starting").upgrade_schema(load())}, as_json=as_json)


@db.command()
@json_option
@click.pass_obj
def current(load: Load, as_json: bool) -> None:
    """Show the schema's revision and this release's."""
    import_late("kernel.settings").require_home()
    database, schema = load().database, _part("schema")
    found, newest = schema.current(database)
    record = {"database": found, "release": newest, "current": found == newest}
    print_record({**record, "stop_first": sorted(schema.stop_first(database))}, as_json=as_json)


@click.command()
@json_option
@click.pass_obj
def doctor(load: Load, as_json: bool) -> None:
    """Examine the installation. Exit status: 0 well, 1 warnings, 2 something is broken."""
    import_late("kernel.settings").require_home()
    findings = _part("doctor").examine(load())
    if as_json:
        print_records([finding.as_record() for finding in findings], as_json=True)
    else:
        for finding in findings:
            click.echo(finding.as_text())
    sys.exit(max(finding.severity for finding in findings))
