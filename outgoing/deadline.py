"""One end for a whole request, however it is divided: a host that sends an octet a second does not win time by it."""

from __future__ import annotations

from time import monotonic

from outgoing.errors import OutgoingError, OutgoingReason


class Deadline:
    """A moment of the monotonic clock, ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        self._ends = monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, more than zero.

        :raises OutgoingError: (``timed_out``) if there are none.
        """
        left = self._ends - monotonic()
        if left <= 0:
            raise OutgoingError(OutgoingReason.TIMED_OUT)
        return left
