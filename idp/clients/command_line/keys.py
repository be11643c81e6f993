"""``sau client key``: the registered keys of an application, changed without a stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from idp.clients.client import Client
from idp.clients.command_line.registration_file import read_json_object
from idp.clients.key_rotation import add_client_key, remove_client_key
from idp.services import IdpServices
from kernel.command_line import json_option, print_record

_ACTOR = "command"


def key_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``key``."""

    @click.group()
    def key() -> None:
        """Public keys that an application registered; it may have several at a time."""

    @key.command()
    @click.argument("client_id")
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
    @json_option
    def add(client_id: str, file: Path, as_json: bool) -> None:
        """Add a public key (FILE: a JSON Web Key); those before stay valid."""
        services, jwk = load(), read_json_object(file)
        with services.database.transaction() as session:
            client = add_client_key(
                session, services=services, client_id=client_id, jwk=jwk, actor=_ACTOR, now=services.clock.now()
            )
        print_record(_record(client), as_json=as_json)

    @key.command()
    @click.argument("client_id")
    @click.argument("kid")
    @json_option
    def remove(client_id: str, kid: str, as_json: bool) -> None:
        """Take a key out; what it signs is refused from now on."""
        services = load()
        with services.database.transaction() as session:
            client = remove_client_key(
                session, services=services, client_id=client_id, kid=kid, actor=_ACTOR, now=services.clock.now()
            )
        print_record(_record(client), as_json=as_json)

    return key


def _record(client: Client) -> dict[str, Any]:
    keys = (client.jwks or {"keys": []})["keys"]
    return {"client_id": client.client_id, "kids": [key["kid"] for key in keys], "version": client.version}
