"""``sau delivery``: what waits to be sent to applications, and sending it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

import idp.jobs
from idp.deliveries.queue import QueuedDelivery, find_delivery, list_deliveries, repeat_delivery
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records


def commands(load: Callable[[], IdpServices]) -> list[click.Command]:
    """Return the group ``delivery``."""

    @click.group()
    def delivery() -> None:
        """What applications are told and could not be told yet."""

    @delivery.command("list")
    @click.option("--client", default="", metavar="CLIENT_ID", help="Only those to this application.")
    @click.option("--given-up", is_flag=True, help="Only those that are not tried any more.")
    @click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
    @json_option
    def list_(client: str, given_up: bool, limit: int, as_json: bool) -> None:
        """List what was given up, then what waits, by its next attempt."""
        services = load()
        with services.database.reading() as session:
            found = list_deliveries(
                session, kinds=_kinds(services), client_id=client, given_up=given_up or None, limit=limit
            )
        print_records([_record(each) for each in found], as_json=as_json)

    @delivery.command()
    @click.argument("id")
    @click.option("--dry-run", is_flag=True, help="Say which it is and send nothing.")
    @json_option
    def repeat(id: str, dry_run: bool, as_json: bool) -> None:
        """Try a delivery again now, with all its attempts before it."""
        services = load()
        if dry_run:
            with services.database.reading() as session:
                found = find_delivery(session, delivery_id=id, kinds=_kinds(services))
        else:
            with services.database.transaction() as session:
                found = repeat_delivery(
                    session,
                    journal=services.journal,
                    delivery_id=id,
                    kinds=_kinds(services),
                    actor="command",
                    now=services.clock.now(),
                )
        print_record(_record(found), as_json=as_json)

    return [delivery]


def _kinds(services: IdpServices) -> tuple[str, ...]:
    return tuple(idp.jobs.deliveries(services))


def _record(found: QueuedDelivery) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind.removeprefix("idp."),
        "client": found.client_id,
        "host": found.host,
        "attempts": found.attempts,
        "last_error": found.last_error,
        "created_at": found.created_at,
        "next_attempt_at": found.next_attempt_at,
        "given_up_at": found.given_up_at,
    }
