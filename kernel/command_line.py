"""What every ``sau`` command shares: ``--json``, errors to stderr, one way to print a result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Give ``command`` the option ``--json`` (parameter ``as_json``)."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one record: as JSON, or one ``name  value`` line a field."""
    if as_json:
        click.echo(json.dumps(record, default=_plain, ensure_ascii=False))
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        click.echo(f"{name:<{width}}  {_text(value)}")


def print_records(records: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str = "Nothing found.") -> None:
    """Print many records: as a JSON array, or as a table with the first record's names as columns."""
    if as_json:
        click.echo(json.dumps(list(records), default=_plain, ensure_ascii=False))
        return
    if not records:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in records[0]:
        table.add_column(name, overflow="fold")
    for record in records:
        table.add_row(*(_text(value) for value in record.values()))
    Console(highlight=False).print(table)


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
        return value.isoformat(timespec="seconds")
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_text(item) for item in value)
    return str(value)
