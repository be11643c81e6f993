"""``sau keys``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import click

from idp.services import IdpServices
from idp.tokens.key_rotation import list_signing_keys, rotate_signing_keys
from kernel.command_line import json_option, print_records


def key_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``keys``."""

    @click.group()
    def keys() -> None:
        """Keys that sign tokens."""

    @keys.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List signing keys: next, active and retired."""
        with load().database.reading() as session:
            print_records([asdict(key) for key in list_signing_keys(session)], as_json=as_json)

    @keys.command()
    @click.option("--force", is_flag=True, help="The active key is lost or stolen: do not wait for caches.")
    @json_option
    def rotate(force: bool, as_json: bool) -> None:
        """Let the published next keys take over now."""
        services = load()
        with services.database.transaction() as session:
            rotate_signing_keys(session, services, now=services.clock.now(), force=force)
            print_records([asdict(key) for key in list_signing_keys(session)], as_json=as_json)

    return keys
