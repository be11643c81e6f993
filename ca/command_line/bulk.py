"""``sau ca bulk FILE`` and ``sau ca batch …``: many certificates from one table.

Who approves is who sits there (see :mod:`ca.command_line.requests`): there is no option to be someone else.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ca.bulk.batch import approve_batch, open_batch, refuse_batch
from ca.bulk.chunks import ChunkOutcome
from ca.bulk.result import write_result
from ca.bulk.run import Report, progress_of, rehearse_table, run_batch, run_table
from ca.bulk.table_file import open_table
from ca.bulk.view import BatchStatus, BatchView, find_batch, list_batches, list_rows
from ca.command_line.requests import actor_of_command
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records

Load = Callable[[], CaServices]
_PROCESSES = click.option(
    "--processes", type=click.IntRange(1, 16), default=None, help="Side by side; default: one a processor, 4 at most."
)
_OUT = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Zip file for the certificates and the outcomes."
)
_SHOWN_REFUSALS = 20


def bulk_command(load: Load) -> click.Command:
    """Return the command ``bulk``."""

    @click.command()
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
    @click.option("--profile", required=True, help="Kind of certificate: see `sau ca profile list`.")
    @click.option("--institution", metavar="RUC", help="The one institution that all rows are for.")
    @click.option("--dry-run", is_flag=True, help="Tell what would become of each row, and store nothing.")
    @click.option("--again", is_flag=True, help="Issue the file once more although it was issued before.")
    @_PROCESSES
    @_OUT
    @json_option
    def bulk(
        file: Path,
        profile: str,
        institution: str | None,
        dry_run: bool,
        again: bool,
        processes: int | None,
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Issue a certificate for each row of the CSV table FILE.

        Interrupted, the same command goes on where it was. Where the profile wants two people, the rows are judged
        and proposed as one batch, which another person approves with `sau ca batch approve`.

        A person whose row brings no request gets a key made here, where the profile lets keys be made here, and a link
        to take it once; that person has an account.
        """
        services = load()
        chosen = services.profiles.get(profile)
        table = open_table(file, profile=chosen)
        if dry_run:
            with _progress(table.row_count, "Judging", as_json=as_json) as (report, counts):
                rehearse_table(
                    services, table, profile=chosen, institution_ruc=institution, makes_keys=True, report=report
                )
            _print_end({"dry_run": True, **counts}, as_json=as_json)
            return
        with services.database.transaction() as session:
            batch = open_batch(
                session,
                services=services,
                table=table,
                profile=profile,
                institution_ruc=institution,
                requested_by=actor_of_command(),
                again=again,
                now=services.clock.now(),
            )
        with _progress(batch.row_count, "Issuing" if batch.people == 1 else "Judging", as_json=as_json) as (report, _c):
            batch = run_table(services, table, batch, processes=_processes(processes), makes_keys=True, report=report)
        _finish(services, batch, out, as_json=as_json)

    return bulk


def batch_group(load: Load) -> click.Group:
    """Return the group ``batch``."""
    group = click.Group("batch", help="Batches of certificates: what became of them, and the second person's decision.")

    @group.command("list")
    @json_option
    def list_them(as_json: bool) -> None:
        """Show the newest batches."""
        services = load()
        with services.database.reading() as session:
            batches = list_batches(session, services=services)
        print_records([_summary(batch) for batch in batches], as_json=as_json, empty="There is no batch.")

    @group.command()
    @click.argument("batch_id", metavar="ID")
    @click.option("--rows", type=click.Choice(["ready", "issued", "refused"]), help="Show these rows, too.")
    @json_option
    def show(batch_id: str, rows: str | None, as_json: bool) -> None:
        """Show a batch, and its rows if asked."""
        services = load()
        with services.database.reading() as session:
            batch = find_batch(session, services=services, batch_id=batch_id)
            found = list_rows(session, batch_id=batch_id, state=rows, limit=100_000) if rows else []
        record = _summary(batch)
        if as_json:
            print_record({**record, **({"rows": [asdict(row) for row in found]} if rows else {})}, as_json=True)
            return
        print_record(record, as_json=False)
        if rows:
            click.echo()
            print_records([asdict(row) for row in found], as_json=False)

    @group.command()
    @click.argument("batch_id", metavar="ID")
    @click.option("--proposal-sha256", help="Approve only this proposal, as seen elsewhere.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @_PROCESSES
    @_OUT
    @json_option
    def approve(
        batch_id: str, proposal_sha256: str | None, yes: bool, processes: int | None, out: Path | None, as_json: bool
    ) -> None:
        """Approve all that would be signed, byte for byte; the last approval issues the certificates."""
        services = load()
        with services.database.reading() as session:
            seen = find_batch(session, services=services, batch_id=batch_id)
        if not (yes or as_json):
            print_record(_summary(seen), as_json=False)
            click.confirm(f"Sign exactly these {seen.ready} certificates?", abort=True)
        with services.database.transaction() as session:
            batch = approve_batch(
                session,
                services=services,
                batch_id=batch_id,
                approver=actor_of_command(),
                proposal=proposal_sha256 or seen.proposal_sha256 or "",
                now=services.clock.now(),
            )
        if batch.status is BatchStatus.APPROVED:
            with _progress(batch.ready, "Issuing", as_json=as_json) as (report, _counts):
                batch = run_batch(services, batch_id, processes=_processes(processes), report=report)
        _finish(services, batch, out, as_json=as_json)

    @group.command()
    @click.argument("batch_id", metavar="ID")
    @click.option("--reason", required=True, help="The requester reads it.")
    @json_option
    def refuse(batch_id: str, reason: str, as_json: bool) -> None:
        """Refuse a batch for good."""
        services = load()
        with services.database.transaction() as session:
            batch = refuse_batch(
                session,
                services=services,
                batch_id=batch_id,
                actor=actor_of_command(),
                reason=reason,
                now=services.clock.now(),
            )
        print_record(_summary(batch), as_json=as_json)

    @group.command()
    @click.argument("batch_id", metavar="ID")
    @click.option(
        "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Zip file to be written."
    )
    @json_option
    def export(batch_id: str, out: Path, as_json: bool) -> None:
        """Write the certificates and every row's outcome to a zip file."""
        count = _export(load(), batch_id, out)
        print_record({"batch": batch_id, "certificates": count, "out": str(out)}, as_json=as_json)

    return group


@contextmanager
def _progress(total: int, what: str, *, as_json: bool) -> Iterator[tuple[Report, Counter[str]]]:
    """A bar on a terminal's stderr; with ``--json`` one line a row on stdout, once it is durable."""
    counts: Counter[str] = Counter()
    if as_json:

        def print_rows(outcome: ChunkOutcome) -> None:
            for row in outcome.rows:
                counts[row.state] += 1
                click.echo(json.dumps(asdict(row), ensure_ascii=False))

        yield print_rows, counts
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task(what, total=total)
        shown = 0

        def advance(outcome: ChunkOutcome) -> None:
            nonlocal shown
            counts.update(row.state for row in outcome.rows)
            bar.update(task, advance=sum(progress_of(outcome)), refresh=True)
            for row in outcome.rows:
                if row.state == "refused" and shown < _SHOWN_REFUSALS:
                    shown += 1
                    bar.console.print(f"line {row.line}: {row.code}: {row.reason}", markup=False, highlight=False)

        yield advance, counts


def _finish(services: CaServices, batch: BatchView, out: Path | None, *, as_json: bool) -> None:
    record = _summary(batch)
    if out is not None and batch.signed:
        _export(services, batch.id, out)
        record["out"] = str(out)
    _print_end(record, as_json=as_json)


def _print_end(record: dict[str, object], *, as_json: bool) -> None:
    print_record({"result": record} if as_json else record, as_json=as_json)


def _export(services: CaServices, batch_id: str, out: Path) -> int:
    # Whole or not at all, and nobody else's to read: names of people may be in it.
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            draft.chmod(0o600)
            count = write_result(
                file, services=services, batch_id=batch_id, actor=actor_of_command(), now=services.clock.now()
            )
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _processes(asked: int | None) -> int:
    return asked or min(4, len(os.sched_getaffinity(0)))


def _summary(batch: BatchView) -> dict[str, object]:
    return {
        "batch": batch.id,
        "status": batch.status.value,
        "file": batch.file_name,
        "profile": batch.profile,
        "institution": batch.institution_ruc,
        "requested_by": batch.requested_by,
        "rows": batch.row_count,
        "ready": batch.ready,
        "refused": batch.refused,
        "signed": batch.signed,
        "approvals": f"{len(batch.approvals)}/{batch.approvals_needed}" if batch.people > 1 else "-",
        "proposal_sha256": batch.proposal_sha256,
        "expires_at": batch.expires_at,
        "refusal_reason": batch.refusal_reason,
    }
