"""``sau client usage`` and ``sau client errors``: what the console's page of use shows, in a shell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import click

from admin.applications.usage import DAYS, KEPT, Day, last_errors, live_counts, usage_by_day
from idp.clients.client import find_client
from idp.clients.environment import Environment
from idp.services import IdpServices
from kernel.command_line import json_option, print_records


def client_commands(load: Callable[[], IdpServices]) -> list[click.Command]:
    """Return what the console adds to the group ``client``.

    :param load: gives the provider's services when a command first needs them.
    """

    @click.command()
    @click.argument("client_id")
    @click.option("--days", type=click.IntRange(1, KEPT.days), default=DAYS, show_default=True, help="How many.")
    @json_option
    def usage(client_id: str, days: int, as_json: bool) -> None:
        """Show how often an application got tokens in the last days, and what was refused, by reason.

        Counted by the hour; of an application in a sandbox up to this moment.
        """
        services = load()
        now = services.clock.now()
        with services.database.reading() as session:
            client = find_client(session, client_id)
            live = client.environment is Environment.PRODUCTION
            today = Counter[str]() if live else live_counts(session, client_id, now=now)
            found = usage_by_day(session, client_id, now=now, days=days, more=today)
        records = [
            {
                "day": each.day.isoformat(),
                "issued": each.issued,
                "refreshed": each.refreshed,
                "refused": dict(each.refused) if as_json else _told(each),
            }
            for each in found
        ]
        print_records(records, as_json=as_json)

    @click.command()
    @click.argument("client_id")
    @json_option
    def errors(client_id: str, as_json: bool) -> None:
        """Show an application's last errors, the newest first."""
        services = load()
        with services.database.reading() as session:
            find_client(session, client_id)
            found = last_errors(session, client_id, now=services.clock.now())
        records = [
            {"occurred_at": each.occurred_at, "type": each.type, "reason": each.reason, "event_id": each.event_id}
            for each in found
        ]
        print_records(records, as_json=as_json, empty="No errors in the last days.")

    return [usage, errors]


def _told(day: Day) -> str:
    return ", ".join(f"{reason} {amount}" for reason, amount in day.refused.items()) or "-"
