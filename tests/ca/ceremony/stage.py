"""A room in which ceremonies are held: a terminal, a folder of minutes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

from ca.commands import commands
from ca.services import CaServices
from kernel.errors import ServiceError


class Stage:
    """Runs ``sau ca …`` over ``services``; files stand in ``folder``."""

    def __init__(self, services: CaServices, folder: Path) -> None:
        self.services, self.folder = services, folder
        self._group: click.Command = commands(lambda: services)[0]

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run ``sau ca ARGUMENTS``, with ``typed`` at the keyboard."""
        return CliRunner().invoke(self._group, list(arguments), input=typed)

    def json(self, *arguments: str) -> Any:
        """Run with ``--json`` and return what it printed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    def refused(self, *arguments: str) -> ServiceError:
        """Run and return the error."""
        result = self.run(*arguments)
        assert isinstance(result.exception, ServiceError), (result.output, result.exception)
        return result.exception

    def file(self, text: str, name: str = "ceremony.yaml") -> str:
        """Write a ceremony's file and return its path."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)

    def hold(self, text: str, *more: str) -> Any:
        """Hold the ceremony of ``text`` at once and return what the command says."""
        return self.json(
            "ceremony", self.file(text), "--without-rehearsal", "--yes", "--minutes", str(self.folder), *more
        )
