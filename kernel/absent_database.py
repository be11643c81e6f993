"""A database server that does not answer: nobody waits for it without end, and not everybody finds out by himself.

A server that refuses is no trouble: it says so at once. One that is silent (its machine is gone, packets are dropped,
its disk hangs) would hold each thread that asks it, until none is left for what needs no database.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

# libpq's PQTRANS_ACTIVE: a command is in progress.
_ACTIVE = 1
# struct tcp_info of linux/tcp.h: milliseconds since something was sent (tcpi_last_data_sent), received (…_recv).
_TCP_INFO = struct.Struct("44xI4xI")
_LOOKS = 8  # how often within its patience a watch looks
_SHORTEST_LOOK, _LONGEST_LOOK = 0.05, 5.0

_log = structlog.get_logger("kernel.database")


class Absence:
    """What a process knows of a server that cannot be reached: for a while nobody asks, then one asks for all.

    :param pause: how long nobody asks after a failure.
    """

    def __init__(self, *, pause: timedelta = timedelta(seconds=1)) -> None:
        self._pause = pause.total_seconds()
        self._lock = threading.Lock()
        self._failed_at: float | None = None
        self._asking = False

    def connect(self, make: Callable[[], T], *, refuse: Callable[[str], Exception]) -> T:
        """Return the connection that ``make`` makes; its error is raised, and remembered.

        :param refuse: makes the error of whoever does not ask, one of the database driver's.
        :raises Exception: the driver's, at once and without a try, while the server is known to be away.
        """
        with self._lock:
            probing = self._failed_at is not None
            if self._failed_at is not None:
                if self._asking or time.monotonic() < self._failed_at + self._pause:
                    raise refuse("the database did not answer a moment ago")
                self._asking = True
        failed_at: float | None = None
        try:
            return make()
        except BaseException:
            failed_at = time.monotonic()
            raise
        finally:
            with self._lock:
                self._failed_at = failed_at
                if probing:
                    self._asking = False

    def note(self) -> None:
        """Remember that the server is away: found out otherwise than by connecting."""
        with self._lock:
            self._failed_at = time.monotonic()


class Watch:
    """Ends connections whose server has been silent for too long in the middle of a command.

    Whoever waits on one then hears that it is lost. Looking costs those who work nothing: the kernel is asked when
    something last came or went. Connections by a socket file are left alone: of those it does not tell.

    :param silence: how long a server may say nothing. :param on_hung: called when a connection was ended.
    """

    def __init__(self, silence: timedelta, *, on_hung: Callable[[], None]) -> None:
        self._silence = silence.total_seconds()
        self._on_hung = on_hung
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._process = 0

    def add(self, connection: Any) -> None:
        """Watch a connection of psycopg, from now on and as long as it lives."""
        with self._lock:
            self._connections.add(connection)
            if self._process != os.getpid():  # a thread does not live on in a process that was forked
                self._process = os.getpid()
                threading.Thread(target=self._look_forever, name="database-watch", daemon=True).start()

    def _look_forever(self) -> None:
        pause = min(max(self._silence / _LOOKS, _SHORTEST_LOOK), _LONGEST_LOOK)
        while True:
            time.sleep(pause)
            with self._lock:
                connections = list(self._connections)
            for connection in connections:
                with suppress(Exception):  # it was closed meanwhile, or is of a kind that the kernel does not tell of
                    self._look_at(connection)
            del connections

    def _look_at(self, connection: Any) -> None:
        if connection.closed or connection.pgconn.transaction_status != _ACTIVE:
            return
        with closing(socket.socket(fileno=os.dup(connection.pgconn.socket))) as line:
            if _silent_seconds(line) < self._silence:
                return
            _log.error("database_silent", seconds=self._silence)
            self._on_hung()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def _silent_seconds(line: socket.socket) -> float:
    """Return how long ago the last octet came or went. :raises OSError: if this is no TCP connection."""
    sent, received = _TCP_INFO.unpack_from(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
    return float(min(sent, received)) / 1000
