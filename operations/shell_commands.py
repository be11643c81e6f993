"""`sau completion` and `sau man`: the program in somebody's shell, and on paper."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from kernel.clock import SystemClock
from operations.manual import manual_page

if TYPE_CHECKING:
    from composition import Composition

SHELLS = ("bash", "zsh", "fish")
_NAME = "sau"


def commands(_load: Callable[[], Composition]) -> list[click.Command]:
    """Return the commands; they need no service."""
    return [completion, man]


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes commands, options and files at the tabulator in SHELL.

    \b
    bash   sau completion bash > /etc/bash_completion.d/sau
    zsh    sau completion zsh > "${fpath[1]}/_sau"
    fish   sau completion fish > ~/.config/fish/completions/sau.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, _NAME, f"_{_NAME.upper()}_COMPLETE").source())


@click.command()
@click.pass_context
def man(context: click.Context) -> None:
    """Print the manual page, made from the commands themselves: sau man > sau.1; man -l sau.1."""
    program = context.find_root().command
    assert isinstance(program, click.Group)
    every = {name: program.get_command(context, name) for name in program.list_commands(context)}
    assert None not in every.values()
    click.echo(manual_page(program, name=_NAME, version=_version(), day=SystemClock().now().date()), nl=False)


def _version() -> str:
    try:
        return version(_NAME)
    except PackageNotFoundError:  # run from its folder
        return ""
