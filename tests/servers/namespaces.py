"""Machines of a network of their own: network namespaces, joined by a bridge that only they reach.

Nothing of it touches the machine's own network: no address, no route, no rule outside of the namespaces. What this
process made is gone when the block ends; what a process left behind that was killed is gone when the next one begins.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.servers.process import ServerProcess

_PREFIX = "sau-test"
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_FOLDER = Path("/run/netns")
_FILES = Path("/etc/netns")  # what `ip netns exec` puts in the place of files of /etc, for that process alone


class Machine:
    """A machine of the network.

    :ivar address: by which the others reach it.
    """

    def __init__(self, name: str, address: str, namespace: str) -> None:
        self.name = name
        self.address = address
        self.namespace = namespace

    def start(
        self, name: str, arguments: Sequence[str | Path], *, log: Path, environ: Mapping[str, str] | None = None
    ) -> ServerProcess:
        """Start a server on it, as nobody."""
        wrapper = ["ip", "netns", "exec", self.namespace, "setpriv", "--pdeathsig", "KILL"]
        wrapper += ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        return ServerProcess(f"{name} on {self.name}", [*wrapper, *arguments], log=log, environ=environ)

    def processes(self) -> list[int]:
        """Return the ids of what runs on it."""
        done = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True)
        return [int(line) for line in done.stdout.split()]

    def kill(self) -> None:
        """End everything that runs on it, as when its power fails (SIGKILL)."""
        while running := self.processes():
            for process in running:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                with suppress(ChildProcessError):
                    os.waitpid(process, os.WNOHANG)

    def cut_off(self) -> None:
        """Pull its cable."""
        _ip("-n", self.namespace, "link", "set", "eth0", "down")

    def join(self) -> None:
        """Plug it in again."""
        _ip("-n", self.namespace, "link", "set", "eth0", "up")

    def name_hosts(self, text: str) -> None:
        """Let ``text`` be ``/etc/hosts`` for what is started on it."""
        folder = _FILES / self.namespace
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text(text)

    def fetch(self, url: str, *, seconds: float = 2, tls: ssl.SSLContext | None = None) -> tuple[int, bytes]:
        """Ask for ``url`` from this machine, and return status and body; 0 and nothing without an answer."""

        def ask() -> tuple[int, bytes]:
            _enter(self.namespace)
            try:
                with urlopen(url, timeout=seconds, context=tls) as answer:
                    return int(answer.status), answer.read()
            except OSError as error:  # urllib's errors are some
                status = getattr(error, "code", 0)
                return int(status or 0), b""

        return _in_own_thread(ask)


@contextmanager
def run_network(names: Mapping[str, str]) -> Iterator[dict[str, Machine]]:
    """Make machines with the given addresses (``192.0.2.11/24``), and yield them by name."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2 (Debian package iproute2)")
    _remove_left_behind()
    prefix = f"{_PREFIX}-{os.getpid()}"
    switch = f"{prefix}-switch"
    machines = {name: Machine(name, address.split("/")[0], f"{prefix}-{name}") for name, address in names.items()}
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for name, machine in machines.items():
            _ip("netns", "add", machine.namespace)
            # Both ends are made where they stay: neither is ever in the machine's own namespace.
            _ip("-n", switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", machine.namespace)
            _ip("-n", switch, "link", "set", name, "master", "bridge", "up")
            _ip("-n", machine.namespace, "address", "add", names[name], "dev", "eth0")
            _ip("-n", machine.namespace, "link", "set", "eth0", "up")
            _ip("-n", machine.namespace, "link", "set", "lo", "up")
        yield machines
    finally:
        for machine in machines.values():
            if (_FOLDER / machine.namespace).exists():
                machine.kill()
        for namespace in (*(machine.namespace for machine in machines.values()), switch):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)
            shutil.rmtree(_FILES / namespace, ignore_errors=True)


def _remove_left_behind() -> None:
    """Remove the namespaces of test processes that are no more."""
    for file in _FOLDER.glob(f"{_PREFIX}-*-*"):
        owner = file.name.removeprefix(f"{_PREFIX}-").split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            Machine("", "", file.name).kill()
            subprocess.run(["ip", "netns", "delete", file.name], capture_output=True)
            shutil.rmtree(_FILES / file.name, ignore_errors=True)


def _enter(namespace: str) -> None:
    """Move the calling thread into a namespace: sockets that it makes from then on are on that machine."""
    with (_FOLDER / namespace).open() as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def _in_own_thread(work: object) -> tuple[int, bytes]:
    """Run ``work`` in a thread that ends afterwards: no other work may find itself on that machine."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()  # type: ignore[arg-type, return-value]


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
