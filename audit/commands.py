"""`sau audit`: verify, search, prove, export."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from audit.archive import archive_year, prune_year
from audit.archive_file import Archive
from audit.bundle import BundleLog
from audit.checkpoint import LogKey
from audit.command_output import print_report, progress_bar
from audit.cosigned import WitnessStatus, witness_status
from audit.event import Event, fit
from audit.export import export_events, export_log
from audit.findings import LogTamperedError
from audit.inspection import verify_stored_log
from audit.proofs import EntryProof, ReceiptProof, prove_event, prove_receipt
from audit.search import MOST, EventFilter, EventView, search_events
from audit.services import AuditServices
from audit.signed_log import key_in_use
from audit.status import log_status
from audit.verification import verify_log
from audit.vocabulary import EventType, Outcome
from kernel.command_line import json_option, print_record, print_records

Load = Callable[[], AuditServices]

_FILE = click.Path(dir_okay=False, path_type=Path)
_ARCHIVE = click.Path(exists=True, dir_okay=False, path_type=Path)


def commands(load: Load) -> list[click.Command]:
    """Return the group ``audit``. ``load`` composes the services when a command runs."""
    group = click.Group("audit", help="The evidence: verify, search, prove, export.")
    for command in (_verify(load), _search(load), _prove(load), _export(load), _status(load), _archive(load)):
        group.add_command(command)
    return [group]


def _verify(load: Load) -> click.Command:
    @click.command("verify")
    @click.option("--full", is_flag=True, help="From the first record (the default).")
    @click.option("--since", type=click.IntRange(min=0), help="From the last signed head at or before this record.")
    @click.option("--bundle", type=_FILE, help="Verify an exported log instead of the database.")
    @click.option("--key", help="The log's public key, NAME+ID+KEY; default this service's own.")
    @click.option(
        "--checkpoint",
        "checkpoints",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        multiple=True,
        help="A checkpoint that somebody else kept, a witness for example: the log must continue it. Repeatable.",
    )
    @click.option("--archive", "archives", type=_ARCHIVE, multiple=True, help="An archived year. Repeatable.")
    @json_option
    def verify(
        full: bool,
        since: int | None,
        bundle: Path | None,
        key: str | None,
        checkpoints: tuple[Path, ...],
        archives: tuple[Path, ...],
        as_json: bool,
    ) -> None:
        """Recompute the whole log and name the first bad record. Exit status 1 if there is one."""
        if full and since is not None:
            raise click.UsageError("--full and --since exclude each other.")
        if bundle is not None and since is not None:
            raise click.UsageError("A bundle is verified from its beginning.")
        if key is not None and bundle is None:
            raise click.UsageError("--key goes with --bundle.")
        if (checkpoints or archives) and bundle is not None:
            raise click.UsageError("--checkpoint and --archive are for the log in the database.")
        try:
            with progress_bar("Verifying") as progress:
                if bundle is None:
                    report = verify_stored_log(
                        load(),
                        since=since or 0,
                        progress=progress,
                        elsewhere=[(path.name, path.read_text("utf-8", "replace")) for path in checkpoints],
                        archives=archives,
                    )
                else:
                    expected = LogKey.parse(key) if key else None
                    report = verify_log(
                        BundleLog(bundle), log_key=lambda origin: expected or load().log_key(origin), progress=progress
                    )
        except LogTamperedError as error:
            print_report(error.report, as_json=as_json)
            click.get_current_context().exit(1)
        print_report(report, as_json=as_json)

    return verify


def _search(load: Load) -> click.Command:
    @click.command("search")
    @click.option("--type", "type_", help="Type of event; idp:password:* for all that begin so.")
    @click.option("--outcome", type=click.Choice([each.value for each in Outcome]), help="How it ended.")
    @click.option("--subject", help="Person it is about.")
    @click.option("--actor", help="Who did it.")
    @click.option("--client", "client_id", help="Relying application.")
    @click.option("--session", "session_id", help="Browser session (sid).")
    @click.option("--object", "object_id", help="Certificate serial, request id, key id.")
    @click.option("--request", "request_id", help="Request id, as error pages show it.")
    @click.option("--about", help="Subject, actor or object, whichever it is.")
    @click.option("--since", type=click.DateTime(), help="From this moment (UTC).")
    @click.option("--until", type=click.DateTime(), help="Before this moment (UTC).")
    @click.option("--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="Most events at once.")
    @click.option("--after", help="Cursor of the next page, as printed.")
    @click.option("--reveal", metavar="REASON", help="Show personal data; the look and its reason go on record.")
    @json_option
    def search(
        type_: str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
        after: str | None,
        reveal: str | None,
        as_json: bool,
        **equal: str | None,
    ) -> None:
        """Find events, newest first."""
        services = load()
        filters = EventFilter(type=type_, since=_utc(since), until=_utc(until), **equal)
        with services.database.transaction() as session:
            keys = None if reveal is None else services.journal.holder_keys
            page = search_events(session, filters=filters, after=after, limit=limit, reveal_with=keys)
            _record_look(session, services, filters, reveal)
        if as_json:
            document = {"events": [_plain(event) for event in page.events], "next": page.next_cursor}
            click.echo(json.dumps(document, default=str))
            return
        print_records([_line(event) for event in page.events], as_json=False, empty="No event fits.")
        if page.next_cursor:
            click.echo(f"\nMore: --after {page.next_cursor}")

    return search


def _prove(load: Load) -> click.Command:
    @click.command("prove")
    @click.argument("event")
    @click.option("--out", type=_FILE, help="File to write instead of printing.")
    @click.option("--archive", type=_ARCHIVE, help="The archive in which the event is.")
    @json_option
    def prove(event: str, out: Path | None, archive: Path | None, as_json: bool) -> None:
        """Print the proof that EVENT is in the log, as JSON that anyone can verify.

        EVENT is its id, or a receipt as ID tokens carry it in "txn": then the proof does not show the record.
        """
        services = load()
        proof: EntryProof | ReceiptProof
        with services.database.reading() as session:
            if archive is not None:
                proof = Archive.open(archive).prove(session, services, event)
            else:
                prove_what = prove_receipt if "." in event else prove_event
                proof = prove_what(session, event, log_key=key_in_use(session, services))
        text = json.dumps(proof.as_document(), indent=None if as_json else 2)
        if out is None:
            click.echo(text)
        else:
            out.write_text(text + "\n")

    return prove


def _export(load: Load) -> click.Command:
    @click.command("export")
    @click.argument("file", type=_FILE)
    @click.option("--event", "events", multiple=True, help="Only this event, with its proof. Repeatable.")
    @click.option("--archive", "archives", type=_ARCHIVE, multiple=True, help="A year that was deleted. Repeatable.")
    @json_option
    def export(file: Path, events: tuple[str, ...], archives: tuple[Path, ...], as_json: bool) -> None:
        """Write records, signed heads, cosignatures, keys, certificates and how to check them to FILE (zip)."""
        if events and archives:
            raise click.UsageError(
                "--archive is for the whole log; 'sau audit prove --archive' proves an archived event."
            )
        services = load()
        with services.database.reading() as session, progress_bar("Exporting") as progress:
            key = key_in_use(session, services)
            if events:
                size = export_events(session, file, events, log=services)
            else:
                size = export_log(session, file, log=services, archives=archives, progress=progress)
        event = Event(type=EventType.AUDIT_EXPORTED, details={"records": size, "file": file.name})
        with services.database.transaction() as session:
            services.journal.record(session, event, now=services.clock.now())
        print_record({"file": str(file), "records": size, "log_key": str(key)}, as_json=as_json)

    return export


def _archive(load: Load) -> click.Command:
    @click.command("archive")
    @click.argument("file", type=_FILE)
    @click.option("--year", type=click.IntRange(2000, 9999), required=True, help="Whose records.")
    @click.option("--prune", is_flag=True, help="Delete them from the database: FILE is verified again first.")
    @json_option
    def archive(file: Path, year: int, prune: bool, as_json: bool) -> None:
        """Write the records of a year to FILE; a day later, with --prune, delete them from the database."""
        services = load()
        now = services.clock.now()
        if prune:
            deleted = prune_year(services, year, file, now=now)
            print_record({"year": year, "deleted": deleted}, as_json=as_json)
            return
        with progress_bar("Archiving") as progress:
            archived = archive_year(services, year, file, now=now, progress=progress)
        print_record({**asdict(archived), "file": str(file)}, as_json=as_json)

    return archive


def _status(load: Load) -> click.Command:
    @click.command("status")
    @json_option
    def status(as_json: bool) -> None:
        """Show the log's head, public key and what waits for its place. Exit status 1 if it is behind."""
        services = load()
        with services.database.reading() as session:
            found = log_status(session, now=services.clock.now())
            key = key_in_use(session, services)
            names = [witness.key.name for witness in services.policy.witnesses]
            witnesses = witness_status(session, origin=key.name, witnesses=names)
        record = {**asdict(found), "behind": found.behind.total_seconds(), "log_key": str(key)}
        record["root"] = found.root.hex() if found.root else None
        record["witnesses"] = [asdict(each) for each in witnesses] if as_json else list(map(_witness_line, witnesses))
        print_record(record, as_json=as_json)
        if not found.healthy or any(each.accuses for each in witnesses):
            click.get_current_context().exit(1)

    return status


def _record_look(session: Session, services: AuditServices, filters: EventFilter, reason: str | None) -> None:
    why = {} if reason is None else {"reason": reason}
    asked = {name: str(value) for name, value in asdict(filters).items() if value is not None}
    services.journal.record(
        session,
        Event(type=EventType.AUDIT_SEARCHED, details={**why, "revealed": reason is not None, **asked}),
        now=services.clock.now(),
    )


def _witness_line(status: WitnessStatus) -> str:
    return f"{status.witness}: {status.problem or 'co-signed'} at {status.size}"


def _plain(event: EventView) -> dict[str, object]:
    return {**asdict(event), "occurred_at": event.occurred_at.isoformat()}


def _line(event: EventView) -> dict[str, object]:
    facts = {**event.details, **(event.private or {})}
    about = " ".join(f"{name}={fit(str(value), 200)}" for name, value in facts.items())
    return {
        "time": event.occurred_at,
        "place": event.log_index,
        "event": event.id,
        "type": event.type,
        "outcome": event.outcome if event.reason is None else f"{event.outcome}: {event.reason}",
        "subject": event.subject,
        "actor": event.actor,
        "client": event.client_id,
        "facts": about if event.private_state != "erased" else f"{about} (personal data erased)",
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
