"""``sau ca key-list show | update``: the list of publicly known keys, the operator's data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from badkeys.utils import _cachedir

from audit.event import Event
from audit.vocabulary import EventType
from ca.command_line.requests import actor_of_command
from ca.requests.block_list import ListState
from ca.services import CaServices
from kernel.command_line import json_option, print_record


def key_list_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``key-list``."""
    group = click.Group("key-list", help="The list of publicly known keys, none of which is certified.")

    @group.command()
    @json_option
    def show(as_json: bool) -> None:
        """Show which list is used, and how old it is."""
        services = load()
        state = services.block_list.state()
        print_record(
            {"there": False, "folder": str(services.block_list.folder)} if state is None else _record(services, state),
            as_json=as_json,
        )

    @group.command()
    @click.option(
        "--from",
        "source",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder with blocklist.dat and badkeysdata.json; without it, where `badkeys --update-bl` puts them.",
    )
    @click.option("--dry-run", is_flag=True, help="Check the files and change nothing.")
    @json_option
    def update(source: Path | None, dry_run: bool, as_json: bool) -> None:
        """Check a list that was fetched and use it from now on; running processes see it at once."""
        services = load()
        before = services.block_list.state()
        state = services.block_list.take_from(source or Path(_cachedir()), dry_run=dry_run)
        if not dry_run:
            event = Event(
                type=EventType.KEY_LIST_REPLACED,
                actor=actor_of_command(),
                details={
                    "sha256": state.sha256,
                    "entries": state.entries,
                    "replaced_sha256": before.sha256 if before else None,
                },
            )
            with services.database.transaction() as session:
                services.journal.record(session, event, now=services.clock.now())
        print_record(_record(services, state) | {"dry_run": dry_run}, as_json=as_json)

    return group


def _record(services: CaServices, state: ListState) -> dict[str, object]:
    return {
        "there": True,
        "folder": str(services.block_list.folder),
        "entries": state.entries,
        "sha256": state.sha256,
        "taken_at": state.taken_at,
        "sources": list(state.sources),
    }
