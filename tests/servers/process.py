"""A server as a child process: started with its log in a file, watched until it answers, stopped by its id."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers.loaded import LoadedProcess

RUNNING: list[ServerProcess] = []
_PORT_RANGES, _PORTS = 4, 2_500
_handed_out: set[int] = set()


class ServerProcess:
    """A running server.

    :ivar name: what the log is headed with when a test fails.
    :ivar log: the file that holds its standard output and error.
    :param enter: what goes before all else, so that it runs elsewhere (on another disk, say).
    :param start: starts it in another way than by running ``arguments``: :func:`tests.servers.loaded.start`.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        unprivileged: bool = False,
        stop_signal: signal.Signals = signal.SIGTERM,
        enter: Sequence[str] = (),
        start: Callable[..., LoadedProcess] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self.process: subprocess.Popen[bytes] | LoadedProcess
        with log.open("ab") as output:
            if start is not None:
                self.process = start([*map(str, arguments)], environ=environ, output=output)
                RUNNING.append(self)
                return
            self.process = subprocess.Popen(
                [*enter, *_wrapper(unprivileged, stop_signal), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environ is None else dict(environ),
                cwd=cwd,
                start_new_session=True,
            )
        RUNNING.append(self)

    @property
    def pid(self) -> int:
        """Its process id; it leads a process group of the same number."""
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 60, pause: float = 0.05) -> None:
        """Wait until ``ready`` says so.

        :raises RuntimeError: with the log's end, if the server dies or time runs out; it is stopped then.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if ready():
                return
            time.sleep(pause)
        code = self.process.poll()
        self.stop()
        state = f"ended with {code}" if code is not None else f"did not answer in {seconds:.0f} s"
        raise RuntimeError(f"{self.name} {state}:\n{self.read_log()[-4000:]}")

    def read_log(self, start: int = 0) -> str:
        """Return the log from octet ``start`` on."""
        with self.log.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")

    def kill(self) -> None:
        """End the whole process group at once, without warning (SIGKILL)."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        if self in RUNNING:
            RUNNING.remove(self)

    def stop(self, *, seconds: float = 30) -> None:
        """End it politely, and after ``seconds`` without mercy."""
        if self.process.poll() is None:
            self.process.send_signal(self._stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.kill()


def living_members(group: int) -> list[int]:
    """Return the ids of the processes of a group that still run (one that ended and nobody reaped does not).

    A process whose first thread has ended runs on, and keeps its ports, as long as another of its threads does.
    """
    living = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            _, its_group = _state(path)
            if its_group == group and _runs(path):
                living.append(int(path.name))
    return living


def _runs(process: Path) -> bool:
    for thread in (process / "task").iterdir():
        with suppress(OSError):
            if _state(thread)[0] not in "ZX":
                return True
    return False


def _state(folder: Path) -> tuple[str, int]:
    """Return the state and the group of a process or thread. :raises OSError: if it is gone."""
    state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
    return state, int(group)


def _wrapper(unprivileged: bool, stop_signal: signal.Signals) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    # If the tests themselves are killed, the kernel passes it on: no server outlives its run.
    wrapper = [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG")]
    if unprivileged and os.geteuid() == 0:
        wrapper += ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    return wrapper


def free_port() -> int:
    """Return a TCP port on which nothing listens now; see :func:`free_ports`."""
    return free_ports(1)


def free_ports(number: int) -> int:
    """Return the first of ``number`` adjacent TCP ports on which nothing listens now.

    They lie below the range from which the system takes ports for outgoing connections. What is asked for is bound a
    while later: so each test process has ports of its own, and hands none out twice.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PORT_RANGES
    start = 20_000 + worker * _PORTS
    for tries in range(2000):
        if tries == 1000:  # a long run has had them all
            _handed_out.clear()
        first = random.randrange(start, start + _PORTS - number + 1)
        asked = range(first, first + number)
        if not _handed_out.isdisjoint(asked):
            continue
        with ExitStack() as probes:
            try:
                for port in asked:
                    probes.enter_context(closing(socket.socket())).bind(("127.0.0.1", port))
            except OSError:
                continue
            _handed_out.update(asked)
            return first
    raise RuntimeError(f"no {number} adjacent free ports")


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on the local port."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find_program(*candidates: str, package: str) -> str:
    """Return the first program that exists, by name or glob of an absolute path; skip the test if none does."""
    for candidate in candidates:
        if "*" in candidate:
            found = sorted(Path("/").glob(candidate.lstrip("/")), key=lambda path: (len(path.parts), str(path)))
            if found:
                return str(found[-1])
        elif program := shutil.which(candidate, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"):
            return program
    return skip_without(candidates[0].rsplit("/", 1)[-1], package=package)


def skip_without(what: str, *, package: str) -> NoReturn:
    """Skip the test for want of a system package; the run's last lines name it."""
    pytest.skip(f"{what} is not installed (Debian package {package})")
