"""A connected socket under a deadline and an allowance of octets, in the shape that ``http.client`` expects."""

from __future__ import annotations

import io
import socket
from typing import Any

from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason


class BoundedSocket:
    """Every send and receive ends by the deadline; no more octets are received than allowed.

    :param allowance: octets that may come before :meth:`allow` says otherwise.
    """

    def __init__(self, connected: socket.socket, *, deadline: Deadline, allowance: int) -> None:
        self._socket = connected
        self._deadline = deadline
        self._allowance = allowance

    def allow(self, octets: int) -> None:
        """Let ``octets`` more be received from here on."""
        self._allowance = octets

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.settimeout(self._deadline.remaining())
        self._socket.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        """Receive into ``buffer`` and return the number of octets, 0 at the end.

        :raises OutgoingError: ``timed_out``, or ``too_large`` if more comes than is allowed.
        """
        self._socket.settimeout(self._deadline.remaining())
        received = self._socket.recv_into(buffer)
        self._allowance -= received
        if self._allowance < 0:
            raise OutgoingError(OutgoingReason.TOO_LARGE)
        return received

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered reader of what is received."""
        return io.BufferedReader(_Received(self))

    def close(self) -> None:
        """Do nothing: ``http.client`` lets go of a connection before its answer is read; who opened it closes it."""


class _Received(io.RawIOBase):
    def __init__(self, source: BoundedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)
