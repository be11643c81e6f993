"""``sau ca hold`` and ``sau ca release``."""

from __future__ import annotations

from collections.abc import Callable

import click

from ca.revocation.hold import HeldAs, Released, hold_certificate, release_certificate, require_holdable
from ca.serial import parse_serial
from ca.services import CaServices
from kernel.command_line import json_option, print_record
from kernel.login import login_name


def hold_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``hold``."""

    @click.command()
    @click.argument("serial")
    @click.option("--dry-run", is_flag=True, help="Say whether it may be suspended, and change nothing.")
    @json_option
    def hold(serial: str, dry_run: bool, as_json: bool) -> None:
        """Suspend the certificate SERIAL: revoked to everyone (certificateHold) until it is released."""
        stored = parse_serial(serial)
        services = load()
        now = services.clock.now()
        if dry_run:
            with services.database.reading() as session:
                found = require_holdable(session, services=services, serial=stored, now=now)
                record = {"serial": stored, "subject": found.subject, "profile": found.profile}
            print_record(record, as_json=as_json)
            return
        with services.database.transaction() as session:
            held = hold_certificate(
                session, services=services, serial=stored, actor=_actor(), held_as=HeldAs.AUTHORITY, now=now
            )
        record = {"serial": stored, "subject": held.subject, "held_at": held.held_at.isoformat()}
        print_record(record, as_json=as_json)

    return hold


def release_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``release``."""

    @click.command()
    @click.argument("serial")
    @json_option
    def release(serial: str, as_json: bool) -> None:
        """Take the suspended certificate SERIAL up again; where two people must agree, the second call does it."""
        stored = parse_serial(serial)
        services = load()
        with services.database.transaction() as session:
            done = release_certificate(
                session,
                services=services,
                serial=stored,
                actor=_actor(),
                released_as=HeldAs.AUTHORITY,
                now=services.clock.now(),
            )
        print_record({"serial": stored, "state": done.value}, as_json=as_json)
        if done is Released.ASKED:
            click.echo("Another person has to agree: the same command, by somebody else.", err=True)

    return release


def _actor() -> str:
    return f"command:{login_name()}"[:64]
