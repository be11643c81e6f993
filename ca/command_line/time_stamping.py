"""``sau tsa …``: the time-stamping unit."""

from __future__ import annotations

from collections.abc import Callable

import click

from ca.services import CaServices
from ca.timestamping.signer import find_stamp_signer, renew_stamp_signer
from kernel.command_line import json_option, print_record


def tsa_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``tsa``."""

    @click.group()
    def tsa() -> None:
        """Time-stamps (RFC 3161)."""

    @tsa.command()
    @json_option
    def init(as_json: bool) -> None:
        """Make the unit's first key and certificate; from then on the worker renews them. Repeatable."""
        services = load()
        renew_stamp_signer(services, now=services.clock.now(), first=True)
        _print(services, as_json=as_json)

    @tsa.command()
    @json_option
    def show(as_json: bool) -> None:
        """Show the signer that stamps now."""
        _print(load(), as_json=as_json)

    return tsa


def _print(services: CaServices, *, as_json: bool) -> None:
    with services.database.reading() as session:
        row = find_stamp_signer(session, now=services.clock.now())
        record = {"serial": row.serial, "generation": row.generation, "signs_until": row.signs_until}
    print_record(record, as_json=as_json)
