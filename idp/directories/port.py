"""What the provider asks of an institution's directory, in its own words. The one adapter is LDAP's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp.directories.directory import Directory, DirectoryServer, Entry
from idp.directories.errors import DirectoryReason
from idp.directories.names import InstitutionalName


@dataclass(frozen=True)
class ServerReport:
    """How one server of a directory is. :ivar reason: what stood in the way, None if it answered."""

    server: DirectoryServer
    seconds: float
    reason: DirectoryReason | None


class DirectoryServers(Protocol):
    """The servers of directories. Every call ends within the seconds that settings allow, whatever they do."""

    def authenticate(
        self, directory: Directory, *, name: InstitutionalName | None, cedula: str, password: bytes, now: datetime
    ) -> Entry:
        """Return who has the name, or else the cédula, if the password fits and the account is open.

        :param password: from :func:`idp.directories.names.require_password_to_send`.
        :raises DirectoryMismatchError: if there is no such name or the password does not fit.
        :raises DirectoryAccountError: if the account is closed there.
        :raises DirectoryError: if there is no answer that is worth anything.
        """
        ...

    def find(self, directory: Directory, *, cedula: str, now: datetime) -> Entry | None:
        """Return who has the cédula, None if nobody has or the account is disabled or expired.

        :raises DirectoryError: if there is no answer, also for a directory that this service has no name in.
        """
        ...

    def examine(self, directory: Directory) -> tuple[ServerReport, ...]:
        """Return how each server is: reached, its certificate right, and this service let in."""
        ...
