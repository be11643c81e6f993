"""What every ``sau`` command shares: ``--json``, errors to stderr, one way to print a result."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.cells import cell_len

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Give ``command`` the option ``--json`` (parameter ``as_json``)."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun: ``1 change``, ``2 changes``."""
    return f"{number} {one if number == 1 else many}"


def print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one record: as JSON, or one ``name  value`` line a field."""
    if as_json:
        click.echo(json.dumps(record, default=_plain, ensure_ascii=False))
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        click.echo(f"{name:<{width}}  {_text(value)}")


def print_records(records: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str = "Nothing found.") -> None:
    """Print many records: as a JSON array, or for people.

    A table where the terminal is wide enough, else one block of ``name  value`` lines a record: nothing is cut or
    folded, so that identifiers can be copied. A pipe always gets the table, one record a line.
    """
    if as_json:
        click.echo(json.dumps(list(records), default=_plain, ensure_ascii=False))
        return
    if not records:
        click.echo(empty)
        return
    names = list(records[0])
    rows = [[_text(value) for value in record.values()] for record in records]
    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    if sys.stdout.isatty() and sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size().columns:
        for index, record in enumerate(records):
            if index:
                click.echo()
            print_record(record, as_json=False)
        return
    click.echo(_line(names, widths))
    for row in rows:
        click.echo(_line(row, widths))


def may_be_coloured() -> bool:
    """Colours are for a terminal whose owner did not decline them (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_changes(changes: Sequence[tuple[str, str, str]], *, empty: str = "Nothing changes.") -> None:
    """Print what differs, ``(name, before, after)``, for people: what goes in red, what comes in green.

    The marks say the same without colour: a pipe, ``NO_COLOR`` and who does not see red read ``-`` and ``+``.
    """
    colours = may_be_coloured()
    if not changes:
        click.echo(empty)
    for name, before, after in changes:
        for mark, value, colour in (("-", before, "red"), ("+", after, "green")):
            if value:
                click.secho(f"{mark} {name}: {value}", fg=colour if colours else None)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"  # stored datetimes are UTC
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_text(item) for item in value)
    return str(value)
