"""How a command is given the shares of a root's passphrase: files, or words typed unseen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ca.ceremony.shares import combine, read_share
from kernel.errors import Rejected
from kernel.secret_text import SecretText

Command = TypeVar("Command", bound=Callable[..., Any])


def share_options(command: Command) -> Command:
    """Give ``command`` the options ``--share`` (parameter ``share_files``) and ``--ask-shares``."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    given = click.option("--share", "share_files", multiple=True, type=kind, help="A holder's page; once for each.")
    asked = click.option("--ask-shares", is_flag=True, help="Have the holders type their words, unseen, one by one.")
    return given(asked(command))


def read_shares(files: Sequence[Path], *, ask: bool) -> list[SecretText]:
    """Return the passphrases that the shares give.

    :raises Rejected: ``share_unreadable``, ``shares_missing``, ``shares_wrong``.
    """
    shares = [read_share(file.read_text("utf-8")) for file in files]
    if ask:
        shares += _ask_holders()
    return list(combine(shares).values()) if shares else []


def _ask_holders() -> list[SecretText]:
    shares: list[SecretText] = []
    while True:
        label = f"Words of share {len(shares) + 1}, or nothing to go on"
        typed = click.prompt(label, hide_input=True, default="", show_default=False)
        if not typed.strip():
            return shares
        share = read_share(typed)
        try:
            combine([share])
        except Rejected as error:
            if error.code == "share_unreadable":
                click.echo(error.public_detail, err=True)
                continue
        shares.append(share)
