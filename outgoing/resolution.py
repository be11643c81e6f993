"""From a host's name to its addresses, in bounded time: the system's resolver may hang for as long as it likes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason

Resolver = Callable[[str, int], Sequence[str]]
"""Takes host and port, returns the addresses as text; raises ``OSError`` if there are none."""

MOST_AT_ONCE = 8


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Return the addresses of ``host`` as the system knows them (``/etc/hosts``, DNS)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


class BoundedResolution:
    """Asks a resolver in a thread of its own and waits no longer than allowed.

    A thread that hangs cannot be ended, so their number is bounded: when all hang, further questions are refused in
    time instead of piling up.

    :param is_bounded: whether the resolver answers in time by itself; it is asked in the caller's thread then.
    """

    def __init__(self, resolver: Resolver, *, most_at_once: int = MOST_AT_ONCE, is_bounded: bool = False) -> None:
        self._resolver = resolver
        self._is_bounded = is_bounded
        self._free = threading.BoundedSemaphore(most_at_once)

    def addresses(self, host: str, port: int, *, deadline: Deadline) -> Sequence[str]:
        """Return every address of ``host``.

        :raises OutgoingError: ``unresolved``, ``timed_out``, or ``busy`` if too many questions hang.
        """
        if self._is_bounded:
            return self._ask_here(host, port, deadline)
        if not self._free.acquire(timeout=deadline.remaining()):
            raise OutgoingError(OutgoingReason.BUSY)
        answer: list[Sequence[str]] = []

        def ask() -> None:
            try:
                answer.append(self._resolver(host, port))
            except (OSError, UnicodeError):
                answer.append(())
            finally:
                self._free.release()

        # A daemon: a resolver that hangs must not hold up the end of the process.
        thread = threading.Thread(target=ask, name="outgoing-resolution", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._free.release()
            raise OutgoingError(OutgoingReason.BUSY) from None
        thread.join(deadline.remaining())
        if thread.is_alive():
            raise OutgoingError(OutgoingReason.TIMED_OUT)
        if not answer or not answer[0]:
            raise OutgoingError(OutgoingReason.UNRESOLVED)
        return answer[0]

    def _ask_here(self, host: str, port: int, deadline: Deadline) -> Sequence[str]:
        deadline.remaining()
        try:
            found = self._resolver(host, port)
        except (OSError, UnicodeError):
            found = ()
        deadline.remaining()
        if not found:
            raise OutgoingError(OutgoingReason.UNRESOLVED)
        return found
