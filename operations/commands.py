"""`sau backup`, `sau restore`, `sau recovery-key`, and going on after a restore."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyrage

from audit.inspection import verify_stored_log
from audit.loss import Loss, accept_loss, find_loss, kept_anchors
from audit.services import AuditServices
from audit.signed_log import SignedLog
from ca.transparency.verification import verify_stored_log as verify_certificate_log
from composition import Composition
from kernel.command_line import counted, json_option, print_record
from kernel.errors import NotFound
from kernel.secret_text import SecretText
from keys.file_store import read_passphrase
from operations.backup.make import make_backup
from operations.backup.recovery_key import make_recovery_key, needs_passphrase, open_recovery_key
from operations.backup.restore import RestoreReport, restore_backup, verify_backup

Load = Callable[[], Composition]

_FILE = click.Path(dir_okay=False, path_type=Path)
_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def commands(load: Load) -> list[click.Command]:
    """Return the commands of backups. ``load`` composes the service when a command runs."""
    return [_backup(load), _restore(load), _recovery_key()]


def audit_commands(load: Load) -> list[click.Command]:
    """Return what the group ``audit`` has of ours: it is about both logs, and needs the whole service."""
    return [_accept_loss(load)]


def _backup(load: Load) -> click.Command:
    @click.command("backup")
    @click.argument("file", type=_FILE)
    @click.option("--to", multiple=True, metavar="age1…", help="Recovery key to seal it to; or SAU_BACKUP_KEYS.")
    @click.option("--without-passphrase", is_flag=True, help="Leave out what opens the sealed keys.")
    @json_option
    def backup(file: Path, to: tuple[str, ...], without_passphrase: bool, as_json: bool) -> None:
        """Write database, sealed keys, heads of the logs and settings to one sealed FILE, while the service runs."""
        composition = load()
        made = make_backup(
            composition,
            file,
            recipients=to or composition.settings.backup_keys,
            environ=os.environ,
            passphrase=not without_passphrase,
            now=composition.clock.now(),
        )
        record: dict[str, Any] = {
            "file": made.file,
            "octets": made.octets,
            "sha256": made.sha256,
            "schema": made.manifest.schema,
            **{f"{head.log}_records": head.size for head in made.manifest.logs},
            "log_key": made.manifest.log_key,
            "left_out": list(made.left_out),
        }
        print_record(record, as_json=as_json)

    return backup


def _restore(load: Load) -> click.Command:
    @click.command("restore")
    @click.argument("file", type=_THERE)
    @click.option("--verify", is_flag=True, help="Into a scratch place only: is the backup good? Nothing here changes.")
    @click.option("--key", type=_THERE, required=True, help="File of the recovery key.")
    @click.option("--passphrase-file", type=_THERE, help="Its passphrase; else it is asked for.")
    @click.option("--database", default="", help="With --verify: an empty PostgreSQL database to use for it.")
    @click.option("--heads", type=_FOLDER, help="Folder with copies of the logs' heads; those of the home count, too.")
    @json_option
    def restore(
        file: Path,
        verify: bool,
        key: Path,
        passphrase_file: Path | None,
        database: str,
        heads: Path | None,
        as_json: bool,
    ) -> None:
        """Bring a backup back into an empty database and home, or only look with --verify, and verify all of it."""
        if database and not verify:
            raise click.UsageError("--database goes with --verify; SAU_DATABASE_URL says where to restore.")
        composition = load()
        settings, identities = composition.settings, _identities(key, passphrase_file)
        if verify:
            found = verify_backup(
                settings, file, identities=identities, clock=composition.clock, database_url=database, heads=heads
            )
        else:
            found = restore_backup(settings, file, identities=identities, clock=composition.clock, heads=heads)
        _print_restored(found, as_json=as_json)

    return restore


def _identities(key: Path, passphrase_file: Path | None) -> list[pyrage.x25519.Identity]:
    passphrase = None
    if needs_passphrase(key):
        passphrase = (
            read_passphrase(passphrase_file)
            if passphrase_file
            else SecretText(click.prompt("Passphrase of the recovery key", hide_input=True, err=True))
        )
    return open_recovery_key(key, passphrase)


def _print_restored(found: RestoreReport, *, as_json: bool) -> None:
    checked = found.checked
    record: dict[str, Any] = {
        "good": True,
        "restored": not found.scratch,
        "made_at": found.manifest.made_at,
        "issuer": found.manifest.issuer,
        "schema": checked.schema if checked.upgraded_from is None else f"{checked.upgraded_from}, now {checked.schema}",
        "records": checked.records,
        "certificates": checked.certificates,
        "keys": checked.keys,
        "log_key": found.manifest.log_key,
        "missing": {each.log: each.missing for each in found.behind} if as_json else _missing_words(found),
        "apart": list(found.apart),
    }
    print_record(record, as_json=as_json)


def _missing_words(found: RestoreReport) -> str:
    if not found.behind:
        return "nothing that is known here"
    said = ", ".join(f"{counted(each.missing, 'record', 'records')} of the log of {each.log}" for each in found.behind)
    return f"{said}: signed after the backup. The logs stop; go on by: sau audit accept-loss"


def _recovery_key() -> click.Command:
    @click.command("recovery-key")
    @click.argument("file", type=_FILE)
    @click.option("--passphrase-file", type=_THERE, help="Its passphrase, 12 characters or more; else it is asked for.")
    @json_option
    def recovery_key(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
        """Make the key that opens backups, under a passphrase, and print its public half for SAU_BACKUP_KEYS.

        FILE belongs on media that are kept apart from the service; no machine needs it to make a backup.
        """
        passphrase = (
            read_passphrase(passphrase_file)
            if passphrase_file
            else SecretText(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True))
        )
        public = make_recovery_key(file, passphrase)
        print_record({"file": str(file), "public": public, "setting": f"SAU_BACKUP_KEYS={public}"}, as_json=as_json)

    return recovery_key


def _accept_loss(load: Load) -> click.Command:
    @click.command("accept-loss")
    @click.option("--reason", required=True, help="Why records that were signed are gone; it goes on record.")
    @click.option("--dry-run", is_flag=True, help="Say what is missing, and change nothing.")
    @json_option
    def accept(reason: str, dry_run: bool, as_json: bool) -> None:
        """After a restore: put on record that signed records are gone, and let both logs go on.

        What is left is verified first. Run it on every machine that holds heads of the logs.
        """
        composition = load()
        audit, certificates = composition.audit, composition.ca.certificate_log
        losses = [(log, loss) for log in (audit, certificates) if (loss := _loss(log)) is not None]
        if not losses:
            raise NotFound("Nothing that was signed is missing here.", code="nothing_lost")
        for log, loss in losses:
            kept = kept_anchors(log, loss)
            if isinstance(log, AuditServices):
                verify_stored_log(log, anchors=kept)
            else:
                verify_certificate_log(log, anchors=kept)
        now = composition.clock.now()
        for log, loss in losses:
            record: dict[str, Any] = {**asdict(loss), "root": loss.root.hex(), "missing": loss.missing}
            if not dry_run:
                aside = accept_loss(log, loss, journal=composition.journal, reason=reason, now=now)
                record["heads_now_in"] = str(aside)
            print_record(record, as_json=as_json)

    return accept


def _loss(log: SignedLog) -> Loss | None:
    try:
        return find_loss(log)
    except NotFound as error:
        if error.code != "nothing_lost":
            raise
        return None
