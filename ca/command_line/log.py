"""``sau ca log verify | prove | export | status | backfill | certify``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from audit.bundle import BundleLog
from audit.checkpoint import LogKey
from audit.command_output import print_report, progress_bar
from audit.export import Description, export_log
from audit.findings import LogTamperedError
from audit.signed_log import key_in_use
from audit.verification import verify_log
from ca.services import CaServices
from ca.transparency.backfill import BATCH, find_unlogged, log_missing
from ca.transparency.log import CertificateLog
from ca.transparency.promise import sequence_waiting
from ca.transparency.proof import prove_certificate
from ca.transparency.status import certificate_log_status
from ca.transparency.verification import check_entry, verify_stored_log
from ca.units.signer import LOG_UNITS, find_unit_signer, renew_unit_signer
from kernel.command_line import json_option, print_record, print_records

Load = Callable[[], CaServices]
_FILE = click.Path(dir_okay=False, path_type=Path)
_BUNDLE = Description(
    "Log of certificates of",
    "Registro de certificados de",
    "sau ca log verify",
    "Of certificates of persons there are commitments only: a hash that whoever has the certificate can compute.",
    "De certificados de personas hay solo compromisos: un resumen que puede calcular quien tiene el certificado.",
)


def log_group(load: Load) -> click.Group:
    """Return the group ``log``."""
    group = click.Group("log", help="The public certificate log: verify, prove, export, and what is missing in it.")
    for command in (_verify(load), _prove(load), _export(load), _status(load), _backfill(load), _certify(load)):
        group.add_command(command)
    return group


def _verify(load: Load) -> click.Command:
    @click.command("verify")
    @click.option("--since", type=click.IntRange(min=0), help="From the last signed head at or before this entry.")
    @click.option("--bundle", type=_FILE, help="Verify an exported log instead of the database.")
    @click.option("--key", help="The log's public key, NAME+ID+KEY; default this service's own.")
    @json_option
    def verify(since: int | None, bundle: Path | None, key: str | None, as_json: bool) -> None:
        """Recompute the log, compare it with the certificates, and name the first bad entry. Exit status 1 if bad."""
        if bundle is not None and since is not None:
            raise click.UsageError("A bundle is verified from its beginning.")
        if key is not None and bundle is None:
            raise click.UsageError("--key goes with --bundle.")
        try:
            with progress_bar("Verifying") as progress:
                if bundle is None:
                    report = verify_stored_log(load().certificate_log, since=since or 0, progress=progress)
                else:
                    expected = LogKey.parse(key) if key else None
                    report = verify_log(
                        BundleLog(bundle),
                        log_key=lambda origin: expected or load().certificate_log.log_key(origin),
                        progress=progress,
                        check=check_entry,
                    )
        except LogTamperedError as error:
            print_report(error.report, as_json=as_json)
            click.get_current_context().exit(1)
        print_report(report, as_json=as_json)

    return verify


def _prove(load: Load) -> click.Command:
    @click.command("prove")
    @click.argument("serial")
    @click.option("--out", type=_FILE, help="File to write instead of printing.")
    @json_option
    def prove(serial: str, out: Path | None, as_json: bool) -> None:
        """Print the proof that certificate SERIAL is in the log, as JSON that anyone can verify."""
        services = load()
        with services.database.reading() as session:
            proof = prove_certificate(session, log=services.certificate_log, serial=serial)
        text = json.dumps(proof.as_document(), indent=None if as_json else 2)
        if out is None:
            click.echo(text)
        else:
            out.write_text(text + "\n")

    return prove


def _export(load: Load) -> click.Command:
    @click.command("export")
    @click.argument("file", type=_FILE)
    @json_option
    def export(file: Path, as_json: bool) -> None:
        """Write the log, its signed heads and its public key to FILE (zip)."""
        log = load().certificate_log
        with log.database.reading() as session, progress_bar("Exporting") as progress:
            key = key_in_use(session, log)
            size = export_log(session, file, log=log, progress=progress, description=_BUNDLE)
        print_record({"file": str(file), "records": size, "log_key": str(key)}, as_json=as_json)

    return export


def _status(load: Load) -> click.Command:
    @click.command("status")
    @json_option
    def status(as_json: bool) -> None:
        """Show the log's head, its key, what waits and what is missing. Exit status 1 if something is wrong."""
        services = load()
        log: CertificateLog = services.certificate_log
        with log.database.reading() as session:
            found = certificate_log_status(session, now=services.clock.now())
        record = {**asdict(found.log), "behind": found.log.behind.total_seconds()}
        record["root"] = found.log.root.hex() if found.log.root else None
        key = str(log.log_key(found.log.origin or log.origin))
        print_record({**record, "older": found.older, "unlogged": found.unlogged, "log_key": key}, as_json=as_json)
        if not found.healthy:
            click.get_current_context().exit(1)

    return status


def _certify(load: Load) -> click.Command:
    @click.command("certify")
    @json_option
    def certify(as_json: bool) -> None:
        """Issue certificates for the keys of both logs; from then on the worker renews them. Repeatable."""
        services = load()
        now = services.clock.now()
        for unit in LOG_UNITS:
            renew_unit_signer(services, unit, now=now, first=True)
        with services.database.reading() as session:
            signers = [find_unit_signer(session, unit, now=now) for unit in LOG_UNITS]
            rows = [{"log": row.unit, "serial": row.serial, "until": row.signs_until} for row in signers]
        print_records(rows, as_json=as_json)

    return certify


def _backfill(load: Load) -> click.Command:
    @click.command("backfill")
    @click.option("--dry-run", is_flag=True, help="Only say which certificates are missing.")
    @json_option
    def backfill(dry_run: bool, as_json: bool) -> None:
        """Put certificates that are missing into the log. Find out first who issued them past it."""
        services = load()
        now, found = services.clock.now(), []
        if dry_run:
            with services.database.reading() as session:
                found = find_unlogged(session, limit=100_000)
        else:
            batch = [""] * BATCH
            while len(batch) == BATCH:
                with services.database.transaction() as session:
                    batch = log_missing(session, journal=services.journal, now=now)
                found += batch
            sequence_waiting(services.certificate_log, now=now)
        print_records([{"serial": serial} for serial in found], as_json=as_json, empty="Nothing is missing.")

    return backfill
