"""``sau ca revoke-many``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from ca.revocation.commands import parse_time
from ca.revocation.mass.decide import (
    MassState,
    MassView,
    approve_mass_revocation,
    list_mass_revocations,
    load_mass_revocation,
    propose_mass_revocation,
    refuse_mass_revocation,
    view_of,
)
from ca.revocation.mass.preview import MassPreview, preview_mass_revocation
from ca.revocation.mass.run import run_batch
from ca.revocation.mass.selection import Selection, parse_serials
from ca.revocation.upkeep import publish_overdue_lists
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import Rejected
from kernel.login import login_name


def revoke_many_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``revoke-many``."""

    @click.command("revoke-many")
    @click.option("--institution", metavar="RUC", help="Certificates of this institution.")
    @click.option("--ca", "authority", metavar="NAME", help="Certificates that this authority issued.")
    @click.option("--profile", metavar="P", help="Certificates of this profile.")
    @click.option(
        "--serials",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Certificates named in this file, one serial number a line.",
    )
    @click.option("--reason", help="Why, as for `sau ca revoke`.")
    @click.option("--compromised-at", metavar="TIME", help="Since when the keys are in foreign hands, ISO 8601, UTC.")
    @click.option("--dry-run", is_flag=True, help="Say what would stop working, and change nothing.")
    @click.option("--approve", metavar="ID", help="Let one begin that another person has proposed.")
    @click.option("--refuse", metavar="ID", help="Drop one that has not begun.")
    @click.option("--resume", metavar="ID", help="Go on with one here, and show how far it is.")
    @click.option("--list", "listing", is_flag=True, help="Show the newest ones.")
    @json_option
    def revoke_many(
        institution: str | None,
        authority: str | None,
        profile: str | None,
        serials: Path | None,
        reason: str | None,
        compromised_at: str | None,
        dry_run: bool,
        approve: str | None,
        refuse: str | None,
        resume: str | None,
        listing: bool,
        as_json: bool,
    ) -> None:
        """Revoke many certificates for one cause: those that fit everything that is given.

        After a key compromise every certificate with one of their keys goes too. Certificates issued from now on stay.
        It goes on in the background if this command is stopped.
        """
        services = load()
        now, actor = services.clock.now(), f"command:{login_name()}"[:64]
        if listing:
            with services.database.reading() as session:
                found = list_mass_revocations(session)
            print_records([mass_record(item) for item in found], as_json=as_json, empty="None yet.")
            return
        if approve or refuse or resume:
            with services.database.transaction() as session:
                if approve:
                    view = approve_mass_revocation(session, services=services, mass_id=approve, actor=actor, now=now)
                elif refuse:
                    view = refuse_mass_revocation(session, services=services, mass_id=refuse, actor=actor, now=now)
                else:
                    view = view_of(load_mass_revocation(session, resume or ""))
        else:
            if reason is None:
                raise Rejected("Say why: --reason.", code="revocation_reason_missing")
            since = parse_time(compromised_at) if compromised_at else None
            selection = Selection(
                institution_ruc=institution,
                authority=authority,
                profile=profile,
                serials=parse_serials(serials.read_text("utf-8").splitlines()) if serials else (),
            )
            if dry_run:
                with services.database.reading() as session:
                    preview = preview_mass_revocation(
                        session, services=services, selection=selection, reason=reason, compromised_at=since, now=now
                    )
                print_record(preview_record(preview), as_json=as_json)
                return
            with services.database.transaction() as session:
                view = propose_mass_revocation(
                    session,
                    services=services,
                    selection=selection,
                    reason=reason,
                    compromised_at=since,
                    actor=actor,
                    now=now,
                )
        print_record(mass_record(_go_through(services, view)), as_json=as_json)
        if view.state is MassState.WAITING:
            click.echo(f"Another person lets it begin: sau ca revoke-many --approve {view.id}", err=True)

    return revoke_many


def preview_record(preview: MassPreview) -> dict[str, Any]:
    """Return the preview as the command and the REST interface print it."""
    record = asdict(preview)
    record["reason"] = preview.reason.value
    record["examples"] = [f"{item.serial} {item.subject}" for item in preview.examples]
    return record


def mass_record(view: MassView) -> dict[str, Any]:
    """Return how far it is, as printed."""
    record = asdict(view)
    chosen = record.pop("selection")
    chosen["serials"] = len(chosen["serials"])
    return {"id": record.pop("id"), "state": record.pop("state").value, **chosen, **record}


def _go_through(services: CaServices, view: MassView) -> MassView:
    if view.state is not MassState.RUNNING:
        return view
    with Progress(transient=True, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Revoking", total=view.total, completed=view.revoked + view.passed_over)
        while view.state is MassState.RUNNING:
            view = run_batch(services, view.id)
            progress.update(task, completed=view.revoked + view.passed_over)
    publish_overdue_lists(services)
    return view
