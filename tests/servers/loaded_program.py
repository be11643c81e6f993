"""The program, loaded and waiting: a process that forks itself for each ``sau`` that somebody asks for.

``python -m tests.servers.loaded_program DESCRIPTOR``; what is said over that socket: :mod:`tests.servers.loaded`.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import sau
import wsgi
from ca.lints import outside
from ca.lints.gate import outside_lint
from ca.profiles.registry import packaged_profiles
from kernel.process import end_with_parent
from operations import background, doctor, installation, schema, serving, starting
from tests import turned

_LARGEST_ORDER = 1 << 18


def main() -> None:
    """Wait for orders until whoever gives them is gone. In a process that was forked for one: carry it out."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _load()
    arguments = _Forking(control).wait()
    if arguments is None:
        os._exit(0)  # nothing here is worth tidying up
    sys.argv = ["sau", *arguments]
    sau.main(prog_name="sau")


def _load() -> None:
    """Have in memory what a service and a command need: more than they import, for they ask for it later."""
    assert wsgi and background and doctor and installation and schema and serving and starting
    turned.install()
    sau.every_command()
    outside_lint()
    outside._suite("cabf-serverauth", "OCSP_RESPONDER")
    packaged_profiles()
    threads = threading.active_count(), len(list(Path("/proc/self/task").iterdir()))
    assert threads == (1, 1), f"a process with {threads} threads cannot be forked"
    gc.collect()
    gc.freeze()


class _Forking:
    """The children of this process, and who wants to hear of their end."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._told: dict[int, tuple[int, socket.socket]] = {}
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(control, selectors.EVENT_READ)

    def wait(self) -> list[str] | None:
        """Fork for each order. Return its arguments in the process that is to carry it out; None at the very end."""
        me = os.getpid()
        while True:
            for key, _ in self._waiting.select():
                if key.fileobj is not self._control:
                    self._tell_end(key.fd)
                    continue
                message, descriptors, _, _ = socket.recv_fds(self._control, _LARGEST_ORDER, 4)
                if not message:
                    return None
                if not self._fork(descriptors):
                    order = json.loads(message)
                    _become(order, descriptors, parent=me)
                    return list(order["arguments"])

    def _fork(self, descriptors: list[int]) -> int:
        pid = os.fork()
        report = socket.socket(fileno=descriptors.pop())
        if not pid:
            for each in (self._waiting, self._control, report, *(told for _, told in self._told.values())):
                each.close()
            for watched in self._told:
                os.close(watched)
            return 0
        for descriptor in descriptors:
            os.close(descriptor)
        report.send(struct.pack("i", pid))
        watched = os.pidfd_open(pid)
        self._told[watched] = (pid, report)
        self._waiting.register(watched, selectors.EVENT_READ)
        return pid

    def _tell_end(self, watched: int) -> None:
        pid, report = self._told.pop(watched)
        self._waiting.unregister(watched)
        os.close(watched)
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):  # who asked may not care any more
            report.send(struct.pack("i", os.waitstatus_to_exitcode(status)))
        report.close()


def _become(order: dict[str, Any], descriptors: list[int], *, parent: int) -> None:
    """Be as a process that was started with what ``order`` says."""
    if order["leads"]:
        os.setsid()
    end_with_parent(parent)
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    time.tzset()


if __name__ == "__main__":
    main()
