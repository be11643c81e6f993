"""A disk of a few megabytes, seen by those alone who were let in, and gone with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

_PIECE = 64 * 1024


class SmallDisk:
    """A file system in memory, in a mount namespace of its own.

    :ivar inside: its path for programs that are started with :attr:`enter`. :ivar outside: the same for this process.
    :ivar enter: what goes before a command, so that it sees the disk.
    """

    def __init__(self, holder: int, inside: Path, *, own_user: bool) -> None:
        self.inside = inside
        self.outside = Path(f"/proc/{holder}/root{inside}")
        namespaces = ["--user", "--preserve-credentials", "--mount"] if own_user else ["--mount"]
        self.enter = ("nsenter", *namespaces, "--target", str(holder), f"--wdns={Path.cwd()}")

    @property
    def free(self) -> int:
        """How many octets fit on it."""
        return shutil.disk_usage(self.outside).free

    def fill(self, *, leave: int = 0) -> None:
        """Take all the room but ``leave`` octets."""
        ballast = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while (room := self.free - leave) > 0:
                os.write(ballast, b"\0" * min(room, _PIECE))
        except OSError:
            pass  # somebody else took the last of it
        finally:
            os.close(ballast)

    def clear(self) -> None:
        """Give the room back."""
        with suppress(FileNotFoundError):
            self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.outside / "ballast"


@contextmanager
def run_small_disk(*, megabytes: int, name_server: str = "") -> Iterator[SmallDisk]:
    """Mount a disk for those that are let in, until the block ends. Skips where that is not allowed.

    :param name_server: address of the one that they ask, in place of the machine's.
    """
    folder = Path(tempfile.mkdtemp(prefix="sau-disk-"))
    folder.chmod(0o755)  # a database server is another user
    own_user = os.geteuid() != 0
    unshare = ["unshare", *(["--user", "--map-current-user", "--keep-caps"] if own_user else []), "--mount"]
    mount = f"mount -t tmpfs -o size={megabytes}m,mode=0755 small {folder}"
    if name_server:
        mount += f" && echo nameserver {name_server} > {folder}/resolv.conf"
        mount += f" && mount --bind {folder}/resolv.conf /etc/resolv.conf"
    mount += " && echo mounted && exec sleep infinity"
    try:
        holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *unshare, "--propagation", "private", "sh", "-c", mount],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        _skip(str(error.filename))
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"mounted\n":
            _skip("a mount of one's own")
        yield SmallDisk(holder.pid, folder, own_user=own_user)
    finally:
        holder.kill()
        holder.wait()
        folder.rmdir()


def _skip(what: str) -> NoReturn:
    pytest.skip(f"{what} is not to be had here (neither root nor user namespaces)")
