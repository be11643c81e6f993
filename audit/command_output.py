"""How commands about a log show progress and findings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit.findings import VerificationReport
from kernel.command_line import print_record

_SHOWN_FINDINGS = 20


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr, on a terminal only."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def print_report(report: VerificationReport, *, as_json: bool) -> None:
    """Print what a verification found, the first bad record first."""
    summary = {"intact": not report.findings, **asdict(report)}
    if as_json:
        click.echo(json.dumps(summary, default=str))
        return
    del summary["findings"], summary["missing_numbers"]
    print_record({**summary, "missing_numbers": len(report.missing_numbers)}, as_json=False)
    for missing in report.missing_numbers[:_SHOWN_FINDINGS]:
        click.echo(str(missing))
    for finding in report.findings[:_SHOWN_FINDINGS]:
        click.echo(str(finding))
    if len(report.findings) > _SHOWN_FINDINGS:
        click.echo(f"… and {len(report.findings) - _SHOWN_FINDINGS} more (--json has all)")
