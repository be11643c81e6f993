"""The provider's part of the ``sau`` program: one group a room."""

from __future__ import annotations

from collections.abc import Callable

import click

from idp.accounts.commands import user_commands
from idp.broker.commands import provider_commands
from idp.clients.command_line.clients import client_commands
from idp.desk.commands import desk_commands
from idp.developer.commands import relying_party_commands
from idp.directories.commands import directory_commands
from idp.directory.commands import institution_commands
from idp.notices.commands import notices_commands
from idp.services import IdpServices
from idp.tokens.commands import key_commands


def commands(load: Callable[[], IdpServices]) -> list[click.Command]:
    """Return the groups of the provider.

    :param load: composes the services when a command runs, so that ``--help`` needs no database.
    """
    groups = (
        client_commands,
        desk_commands,
        directory_commands,
        institution_commands,
        key_commands,
        notices_commands,
        provider_commands,
        relying_party_commands,
        user_commands,
    )
    return [group(load) for group in groups]
