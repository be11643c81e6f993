"""``sau ca reshare``: new shares of a root's passphrase, under which its key is encrypted anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import click
from pydantic import ValidationError

from ca.ceremony.conduct import Step
from ca.ceremony.minutes import render_resharing
from ca.ceremony.plan import Shares, Witness
from ca.ceremony.resharing import (
    Reshared,
    Resharing,
    record_resharing,
    rehearse_resharing,
    require_opened_by_pages,
    require_resharing_rehearsed,
    reshare,
)
from ca.ceremony.root_store import recorded_root_keys
from ca.command_line.share_options import read_shares, share_options
from ca.services import CaServices
from kernel.command_line import json_option, print_record
from kernel.errors import Rejected
from kernel.login import login_name

_FOLDER = click.Path(file_okay=False, path_type=Path)


def reshare_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``reshare``."""

    @click.command("reshare")
    @click.argument("root")
    @click.option("--needed", type=int, required=True, help="How many of the new shares open the key together.")
    @click.option("--holder", "holders", multiple=True, required=True, help="Who gets a share; once for each.")
    @click.option("--witness", "witnesses", multiple=True, required=True, help="NAME:ROLE of who is there; once each.")
    @click.option("--rehearse", "is_rehearsal", is_flag=True, help="Do every step with a throw-away key and shares.")
    @click.option("--without-rehearsal", is_flag=True, help="Do it although exactly this was not rehearsed.")
    @share_options
    @click.option("--shares-to", type=_FOLDER, help="Where the new pages are written; default: a folder in the home.")
    @click.option("--minutes", "minutes_to", type=_FOLDER, default=Path(), help="Where the minutes are written.")
    @click.option("--yes", is_flag=True, help="Do not ask before the key is encrypted anew.")
    @json_option
    def reshare_root(
        root: str,
        needed: int,
        holders: Sequence[str],
        witnesses: Sequence[str],
        is_rehearsal: bool,
        without_rehearsal: bool,
        share_files: Sequence[Path],
        ask_shares: bool,
        shares_to: Path | None,
        minutes_to: Path,
        yes: bool,
        as_json: bool,
    ) -> None:
        """Give ROOT's passphrase to new holders: enough old shares open it, a new one goes into new shares.

        The old shares are useless afterwards, but for old copies of the key's file: destroy those.
        """
        services, plan = load(), _plan(root, needed, holders, witnesses)
        actor = f"command:{login_name()}"[:64]

        def tell(step: Step) -> None:
            if not as_json:
                head = f"{'ENSAYO ' if is_rehearsal else ''}{step.at:%H:%M:%S}  {step.what}"
                click.echo("\n".join([head, *(f"    {name}: {value}" for name, value in step.facts)]))

        rehearsed: datetime | None = None
        if is_rehearsal:
            done = rehearse_resharing(services, plan, tell=tell)
        else:
            if not without_rehearsal:
                with services.database.reading() as session:
                    rehearsed = require_resharing_rehearsed(session, plan)
            if not (yes or as_json):
                for witness in plan.witnesses:
                    click.confirm(f"Is {witness.name} ({witness.role}) in the room?", abort=True)
            roots = recorded_root_keys(services, read_shares(share_files, ask=ask_shares), actor=actor)
            place = shares_to or services.settings.home / f"shares-{services.clock.now():%Y%m%dT%H%M%SZ}"
            done = reshare(services, plan, roots=roots, shares_to=place, tell=tell)
        try:
            page = render_resharing(done, rehearsed_at=rehearsed)
            written = _write(page, done, minutes_to)
            with services.database.transaction() as session:
                digest = record_resharing(session, services=services, done=done, minutes=page, actor=actor)
        finally:
            done.discard()
        if not is_rehearsal:
            require_opened_by_pages(services, done)
        result = {
            "root": root,
            "rehearsal": done.rehearsal,
            "plan_sha256": plan.sha256,
            "share_set": done.set_number,
            "shares": [str(path) for path in done.share_files],
            "minutes": str(written),
            "minutes_sha256": digest,
        }
        print_record(result, as_json=as_json)

    return reshare_root


def _plan(root: str, needed: int, holders: Sequence[str], witnesses: Sequence[str]) -> Resharing:
    try:
        said_of = [each.partition(":") for each in witnesses]
        people = tuple(Witness(name=name.strip(), role=role.strip()) for name, _, role in said_of)
        return Resharing(root, Shares(needed=needed, holders=tuple(holders)), people)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Rejected(f"That cannot be: {said}", code="bad_resharing") from error


def _write(page: bytes, done: Reshared, folder: Path) -> Path:
    kind = "rehearsal" if done.rehearsal else "minutes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-reshare-{done.plan.root}-{done.ended_at:%Y%m%dT%H%M%SZ}-{done.plan.sha256[:8]}.html"
    if path.exists():
        raise Rejected(f"{path} exists already.", code="minutes_exist")
    path.write_bytes(page)
    return path
