"""One folder in which the processes of ``sau serve`` count together: whichever is asked for figures tells those of all.

The folder is in memory where the machine has such a place: a full disk must not end a process that only counts. What a
service left there that was killed is removed by the next one that starts.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from prometheus_client import values

#: Set by an operator: his folder is used, and left as it is.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108 - a folder of mode 0700 is made in it
_NAME, _UNFINISHED, _LOCK = "sau-counts-", "sau-new-counts-", "lock"
_log = structlog.get_logger("sau.serve")


@contextmanager
def counting_together(memory: Path = MEMORY) -> Iterator[None]:
    """Have this process, and those that it starts within, count together. Before any of their counters is made.

    Where no folder can be made each counts for itself, which the console then says.
    """
    if os.environ.get(VARIABLE):
        yield
        return
    place = memory if os.access(memory, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    try:
        _remove_abandoned(place)
        folder, lock = _make_folder(place)
    except OSError as error:
        _log.warning("counts_not_shared", error=type(error).__name__)
        yield
        return
    before = values.ValueClass
    os.environ[VARIABLE] = str(folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call] # it was chosen when the library was imported
    try:
        yield
    finally:
        values.ValueClass = before
        del os.environ[VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make_folder(place: Path) -> tuple[Path, int]:
    """Return a fresh folder that nobody else enters, and its lock, which holds for as long as one of us lives."""
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place))
    lock = os.open(unfinished / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # It gets the name by which it may be found abandoned when it is no longer without a lock.
    return unfinished.rename(place / unfinished.name.replace(_UNFINISHED, _NAME)), lock


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_NAME}*"):
        with suppress(OSError):  # another account's, or gone meanwhile
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
