"""The service itself as an operator runs it: ``sau init``, ``sau serve``, on a free port with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from composition import Composition
from kernel.settings import load_settings
from tests.servers import loaded
from tests.servers.process import ServerProcess, free_ports
from tests.servers.small_disk import SmallDisk

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class LiveService:
    """A running service.

    :ivar url: its issuer, ``http://localhost:PORT``; the two portals of the demo may take the next two ports.
    :ivar home: its home as this process sees it; ``environ`` says what the service is told.
    :ivar environ: the environment in which its commands and processes run.
    :ivar enter: what goes before them, so that they run elsewhere (another disk, another network).
    :ivar loaded: they are forked from a process that has the program loaded already (:mod:`tests.servers.loaded`).
    """

    url: str
    port: int
    home: Path
    environ: dict[str, str]
    enter: tuple[str, ...] = ()
    loaded: bool = True
    log: Path = Path(os.devnull)
    process: ServerProcess | None = field(default=None, repr=False)

    def command(self, *arguments: str | Path, input: str | None = None, check: bool = True) -> str:
        """Run ``sau ARGUMENTS`` in this service's home and return its standard output.

        :raises RuntimeError: with what it wrote to standard error, if it fails and ``check`` is true.
        """
        said = [*map(str, arguments)]
        if self._may_be_forked:
            code, output, errors = loaded.run(said, environ=self.environ, input=input or "")
        else:
            done = subprocess.run(
                [*self.enter, sys.executable, "-m", "sau", *said],
                cwd=ROOT,
                env=self.environ,
                input=input,
                capture_output=True,
                text=True,
            )
            code, output, errors = done.returncode, done.stdout, done.stderr
        if check and code:
            raise RuntimeError(f"sau {' '.join(said)}: {code}\n{output}{errors}")
        return output

    def json(self, *arguments: str | Path, input: str | None = None) -> Any:
        """Run ``sau ARGUMENTS --json`` and return what it printed."""
        return json.loads(self.command(*arguments, "--json", input=input))

    def start(self, *, until: Callable[[], bool] | None = None) -> None:
        """Start ``sau serve`` and wait until it says that it is ready, or ``until`` says so."""
        forked = self._may_be_forked
        self.process = ServerProcess(
            "sau serve",
            ["serve"] if forked else [*self.enter, sys.executable, "-m", "sau", "serve"],
            log=self.log,
            environ=self.environ,
            cwd=ROOT,
            start=loaded.start if forked else None,
        )
        self.process.wait_until(until or self.is_ready, seconds=120)

    def stop(self) -> None:
        """Stop it politely; starting it again is possible."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def kill(self) -> None:
        """End it, its workers included, in the middle of whatever they do (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def is_ready(self) -> bool:
        """Tell whether ``/ready`` answers 200."""
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=15) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def _may_be_forked(self) -> bool:
        return self.loaded and not self.enter and loaded.can_fork(self.environ)

    @contextmanager
    def composition(self, home: Path | None = None) -> Iterator[Composition]:
        """Open the service's own database and keys, to look at what it did.

        :param home: a copy of its home to look at instead, if it is where this process may not open files.
        """
        told = {name: value for name, value in self.environ.items() if name.startswith("SAU_")}
        composed = Composition(load_settings(told | {"SAU_HOME": str(home or self.home)}))
        try:
            yield composed
        finally:
            composed.database.dispose()


@contextmanager
def run_service(
    folder: Path,
    *,
    database_url: str = "",
    demo: bool = True,
    more: Mapping[str, str] | None = None,
    init: bool = True,
    disk: SmallDisk | None = None,
    loaded: bool = True,
) -> Iterator[LiveService]:
    """Initialise a service in ``folder`` and serve it until the block ends.

    :param database_url: empty for SQLite in its home.
    :param disk: where its home is, in place of ``folder``.
    :param more: further ``SAU_`` settings, e.g. ``SAU_SMTP_URL``.
    :param loaded: false starts every process from nothing, as an operator does.
    """
    port = free_ports(3)
    home = (disk.outside if disk else folder) / "home"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SAU_", "COV_"))}
    environ |= {
        "SAU_HOME": str(disk.inside / "home" if disk else home),
        "SAU_ISSUER": f"http://localhost:{port}",
        "SAU_BIND": f"127.0.0.1:{port}",
        "SAU_WORKERS": "1",
        "SAU_RATE_LIMITS": "off",
        "SAU_OUTGOING_NETWORKS": "127.0.0.0/8,::1/128",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if demo:
        environ["SAU_DEMO"] = "1"
    if database_url:
        environ["SAU_DATABASE_URL"] = database_url
    service = LiveService(
        f"http://localhost:{port}",
        port,
        home,
        environ | dict(more or {}),
        enter=disk.enter if disk else (),
        loaded=loaded,
        log=folder / f"sau-{port}.log",
    )
    if init:
        service.command("init", *(["--demo"] if demo else []))
    try:
        service.start()
        yield service
    finally:
        service.stop()
