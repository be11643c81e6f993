"""``sau ca ceremony``, from one reviewed file, rehearsed first, and ``sau ca rollover``, which writes such a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import click

from ca.ceremony.conduct import Held, Step, hold_ceremony, spaced
from ca.ceremony.making import Workbench
from ca.ceremony.minutes import minutes_as_pdf, record_ceremony, render_minutes, require_rehearsal
from ca.ceremony.plan import CeremonyPlan
from ca.ceremony.plan_file import CeremonyFile, example_file, read_ceremony_file
from ca.ceremony.preconditions import require_possible
from ca.ceremony.rehearsal import rehearse
from ca.ceremony.rollover import propose_successor
from ca.ceremony.root_store import recorded_root_keys
from ca.command_line.share_options import read_shares, share_options
from ca.services import CaServices
from kernel.command_line import json_option, print_record
from kernel.errors import Rejected
from kernel.login import login_name

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


def ceremony_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``ceremony``."""

    @click.command()
    @click.argument("file", type=_FILE, required=False)
    @click.option("--example", is_flag=True, help="Print a file to start from.")
    @click.option("--dry-run", is_flag=True, help="Read the file and say what it would make; touch no key.")
    @click.option("--rehearse", "is_rehearsal", is_flag=True, help="Do every step with throw-away keys.")
    @click.option("--without-rehearsal", is_flag=True, help="Hold it although this very file was not rehearsed.")
    @click.option("--shares-to", type=_FOLDER, help="Where the holders' pages are written; default: the home.")
    @share_options
    @click.option("--minutes", "minutes_to", type=_FOLDER, default=Path(), help="Where the minutes are written.")
    @click.option("--pdf", is_flag=True, help="The minutes as PDF, too (extra `pdf`).")
    @click.option("--yes", is_flag=True, help="Do not ask before the keys are made.")
    @json_option
    def ceremony(
        file: Path | None,
        example: bool,
        dry_run: bool,
        is_rehearsal: bool,
        without_rehearsal: bool,
        shares_to: Path | None,
        share_files: Sequence[Path],
        ask_shares: bool,
        minutes_to: Path,
        pdf: bool,
        yes: bool,
        as_json: bool,
    ) -> None:
        """Make a root and authorities as FILE says, with minutes to print; rehearse the same file first."""
        if example:
            click.echo(example_file(), nl=False)
            return
        if file is None:
            raise click.UsageError("Name the ceremony's FILE, or --example.")
        services = load()
        arc = services.settings.pki_arc
        read = read_ceremony_file(file.read_bytes(), profiles=services.profiles, private_arc=arc)
        if dry_run:
            print_record(_intention(read), as_json=as_json)
            return
        with services.database.reading() as session:
            require_possible(session, read.plan, now=services.clock.now())
        actor = f"command:{login_name()}"[:64]

        def tell(step: Step) -> None:
            if not as_json:
                click.echo(_line(step, is_rehearsal))

        rehearsed: datetime | None = None
        if is_rehearsal:
            held = rehearse(services, read, actor=actor, tell=tell)
        else:
            if not without_rehearsal:
                with services.database.reading() as session:
                    rehearsed = require_rehearsal(session, read.sha256)
            _ask(read, yes=yes or as_json)
            bench = Workbench(
                services=services,
                roots=recorded_root_keys(services, read_shares(share_files, ask=ask_shares), actor=actor),
                actor=actor,
                now=services.clock.now(),
            )
            place = shares_to or services.settings.home / "shares"
            held = hold_ceremony(bench, read, rehearsal=False, shares_to=place, tell=tell)
        page = render_minutes(held, rehearsed_at=rehearsed)
        written = _write_minutes(page, held, minutes_to, pdf=pdf)
        with services.database.transaction() as session:
            digest = record_ceremony(session, services=services, held=held, minutes=page, actor=actor)
        print_record(_result(held, written, digest), as_json=as_json)

    return ceremony


def rollover_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``rollover``."""

    @click.command()
    @click.argument("name")
    @click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the file here; it must be new.")
    @json_option
    def rollover(name: str, out: Path | None, as_json: bool) -> None:
        """Write the ceremony's file by which authority NAME gets a successor: a root with all under it, crossed.

        People complete the file (place, witnesses, shares), review it and hold the ceremony.
        """
        services = load()
        with services.database.reading() as session:
            proposed = propose_successor(session, services=services, name=name)
        if out is not None:
            with out.open("x", encoding="utf-8") as file:
                file.write(proposed)
        if as_json:
            print_record({"ca": name, "file": str(out) if out else None, "ceremony": proposed}, as_json=True)
        elif out is None:
            click.echo(proposed, nl=False)
        else:
            click.echo(f"{out}: complete it, review it, then: sau ca ceremony {out} --rehearse")

    return rollover


def _ask(read: CeremonyFile, *, yes: bool) -> None:
    if yes:
        return
    click.echo(f"File SHA-256  {spaced(read.sha256)}")
    for witness in read.plan.witnesses:
        click.confirm(
            f"Is {witness.name} ({witness.role}) in the room, and is this the file that was reviewed?", abort=True
        )


def _line(step: Step, is_rehearsal: bool) -> str:
    head = f"{'ENSAYO ' if is_rehearsal else ''}{step.at:%H:%M:%S}  {step.what}"
    return "\n".join([head, *(f"    {name}: {value}" for name, value in step.facts)])


def _write_minutes(page: bytes, held: Held, folder: Path, *, pdf: bool) -> list[Path]:
    kind = "rehearsal" if held.rehearsal else "minutes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{held.ended_at:%Y%m%dT%H%M%SZ}-{held.file.sha256[:8]}.html"
    if path.exists():
        raise Rejected(f"{path} exists already.", code="minutes_exist")
    path.write_bytes(page)
    written = [path]
    if pdf:
        written.append(path.with_suffix(".pdf"))
        written[-1].write_bytes(minutes_as_pdf(page))
    return written


def _intention(read: CeremonyFile) -> dict[str, object]:
    plan: CeremonyPlan = read.plan
    return {
        "file_sha256": read.sha256,
        "title": plan.title,
        "witnesses": [f"{witness.name} ({witness.role})" for witness in plan.witnesses],
        "root": f"{plan.root.name}, {plan.root.key}" if plan.root else f"under {plan.under}",
        "shares": f"{plan.root.shares.needed} of {len(plan.root.shares.holders)}"
        if plan.root and plan.root.shares
        else None,
        "cross": list(plan.root.cross) if plan.root else [],
        "issuing": [f"{issuing.name}, {issuing.key}: {' '.join(issuing.profiles)}" for issuing in plan.issuing],
    }


def _result(held: Held, written: Sequence[Path], digest: str) -> dict[str, object]:
    return {
        "rehearsal": held.rehearsal,
        "file_sha256": held.file.sha256,
        "certificates": [f"{made.name} {made.certificate_sha256}" for made in held.made],
        "shares": [] if held.rehearsal else [str(path) for path in held.share_files],
        "minutes": [str(path) for path in written],
        "minutes_sha256": digest,
    }
