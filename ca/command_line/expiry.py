"""``sau ca expiring``: what ends soon and has no successor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click
from sqlalchemy import func, select

from ca.expiry.model import ExpiryNotice
from ca.expiry.renewal import list_expiring
from ca.services import CaServices
from kernel.command_line import json_option, print_records


def expiring_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``expiring``."""

    @click.command()
    @click.option("--days", type=click.IntRange(1, 1100), default=60, show_default=True, help="How far to look.")
    @click.option("--institution", metavar="RUC", help="Of this institution alone.")
    @click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="At most so many.")
    @json_option
    def expiring(days: int, institution: str | None, limit: int, as_json: bool) -> None:
        """List certificates that end soon and that no newer one replaces."""
        services = load()
        now = services.clock.now()
        with services.database.reading() as session:
            found = list_expiring(
                session,
                profiles=services.profiles,
                within=timedelta(days=days),
                institutions=[institution] if institution else None,
                now=now,
                limit=limit,
            )
            nearest = session.execute(
                select(ExpiryNotice.serial, func.min(ExpiryNotice.days))
                .where(ExpiryNotice.serial.in_([certificate.serial for certificate in found]))
                .group_by(ExpiryNotice.serial)
            )
            told = {serial: step for serial, step in nearest}  # noqa: C416 - rows are no pairs to a type checker
        records = [
            {
                "serial": certificate.serial,
                "profile": certificate.profile,
                "institution": certificate.institution_ruc,
                "subject": certificate.subject,
                "not_after": certificate.not_after,
                "days": (certificate.not_after - now).days,
                "announced_at_days": told.get(certificate.serial),
            }
            for certificate in found
        ]
        print_records(records, as_json=as_json, empty="Nothing ends so soon.")

    return expiring
