"""``sau`` without the start of an interpreter, which costs more than most commands: two seconds of processor time.

A process that has the program loaded forks for each call. What runs is what ``python -m sau`` runs, in a process of
its own with its own environment, descriptors and end; only the imports were done before. That the program also starts
from nothing is for :mod:`tests.servers.test_service` and :mod:`tests.servers.test_demo` to tell.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
# What the rest of the environment says is read by the interpreter and by libraries when they start.
_READ_LATER = ("SAU_", "PYTEST_")


class LoadedProcess:
    """A ``sau`` that was forked: what is used here of :class:`subprocess.Popen`."""

    def __init__(self, report: socket.socket, arguments: Sequence[str]) -> None:
        self._report = report
        self.args = ["sau", *arguments]
        self.returncode: int | None = None
        self.pid = self._hear()

    def poll(self) -> int | None:
        """Return its exit status if it has ended."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status. :raises subprocess.TimeoutExpired:"""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._hear()
            self._report.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _hear(self) -> int:
        heard = self._report.recv(4)
        if not heard:
            raise RuntimeError("the process that has the program loaded is gone")
        return int(struct.unpack("i", heard)[0])


def can_fork(environ: Mapping[str, str]) -> bool:
    """Tell whether a process with this environment can be forked: one that differs at its start must be started."""
    return _early(environ) == _early(os.environ)


def run(arguments: Sequence[str], *, environ: Mapping[str, str], input: str = "") -> tuple[int, str, str]:
    """Run ``sau ARGUMENTS`` and return its exit status, its standard output and its standard error."""
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(input.encode())
        stdin.seek(0)
        code = _fork(arguments, environ, (stdin, stdout, stderr), leads=False).wait()
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode())
        return code, texts[0], texts[1]


def start(arguments: Sequence[str], *, environ: Mapping[str, str], output: IO[bytes]) -> LoadedProcess:
    """Start ``sau ARGUMENTS``, which leads a process group of its own and writes to ``output``."""
    with Path(os.devnull).open("rb") as nothing:
        return _fork(arguments, environ, (nothing, output, output), leads=True)


def _fork(
    arguments: Sequence[str], environ: Mapping[str, str], files: Sequence[IO[bytes]], *, leads: bool
) -> LoadedProcess:
    order = {"arguments": list(arguments), "environ": dict(environ), "folder": str(ROOT), "leads": leads}
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        descriptors = [file.fileno() for file in (*files, its)]
        socket.send_fds(_waiting_program(), [json.dumps(order).encode()], descriptors)
    return LoadedProcess(mine, arguments)


@cache
def _waiting_program() -> socket.socket:
    """Return the line to the process that has the program loaded; it ends when the line is cut."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_READ_LATER)}
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.loaded_program", str(its.fileno())],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
    atexit.register(_end, mine, process)
    return mine


def _end(line: socket.socket, process: subprocess.Popen[bytes]) -> None:
    line.close()
    process.wait(10)


def _early(environ: Mapping[str, str]) -> dict[str, str]:
    left_out = (*_READ_LATER, "COV_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in environ.items() if not name.startswith(left_out)}
