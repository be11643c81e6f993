"""A provider that does not answer."""

from __future__ import annotations

from kernel.errors import Unavailable


class UpstreamUnavailableError(Unavailable):
    """The provider gave no answer that is worth anything. :ivar reason: for the record."""

    default_code = "upstream_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__("The institution's sign-in does not answer.")
        self.reason = reason
