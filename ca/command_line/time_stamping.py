"""``sau tsa …``: the time-stamping unit; ``init`` of every unit."""

from __future__ import annotations

from collections.abc import Callable

import click

from ca.services import CaServices
from ca.units.signer import STAMPS, Unit, find_unit_signer, renew_unit_signer
from kernel.command_line import json_option, print_record


def tsa_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``tsa``."""

    @click.group()
    def tsa() -> None:
        """Time-stamps (RFC 3161)."""

    tsa.add_command(unit_init_command(load, STAMPS))

    @tsa.command()
    @json_option
    def show(as_json: bool) -> None:
        """Show the signer that stamps now."""
        _print(load(), STAMPS, as_json=as_json)

    return tsa


def unit_init_command(load: Callable[[], CaServices], unit: Unit) -> click.Command:
    """Return the command ``init`` of a unit."""

    @click.command()
    @json_option
    def init(as_json: bool) -> None:
        """Make the unit's first key and certificate; from then on the worker renews them. Repeatable."""
        services = load()
        renew_unit_signer(services, unit, now=services.clock.now(), first=True)
        _print(services, unit, as_json=as_json)

    return init


def _print(services: CaServices, unit: Unit, *, as_json: bool) -> None:
    with services.database.reading() as session:
        row = find_unit_signer(session, unit, now=services.clock.now())
        record = {"serial": row.serial, "generation": row.generation, "signs_until": row.signs_until}
    print_record(record, as_json=as_json)
