"""Why a directory gave no answer that is worth anything, and what it said when it did: closed lists."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from idp.directories.account_state import AccountState
from kernel.errors import Denied, Unavailable


class DirectoryReason(StrEnum):
    """What stood in the way."""

    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    BAD_CERTIFICATE = "bad_certificate"
    BAD_TLS = "bad_tls"
    BAD_ANSWER = "bad_answer"
    TOO_LARGE = "too_large"
    AMBIGUOUS = "ambiguous"
    SERVICE_REFUSED = "service_refused"
    NO_SECRET = "no_secret"
    BUSY = "busy"
    RESTING = "resting"


_DETAILS: Mapping[DirectoryReason, str] = {
    DirectoryReason.UNRESOLVED: "The directory's name has no network address.",
    DirectoryReason.UNREACHABLE: "The directory does not accept the connection.",
    DirectoryReason.TIMED_OUT: "The directory took too long.",
    DirectoryReason.BAD_CERTIFICATE: "The directory's certificate is not trusted or not for this host.",
    DirectoryReason.BAD_TLS: "The directory does not speak the TLS that is asked for.",
    DirectoryReason.BAD_ANSWER: "The directory's answer is not LDAP as it should be.",
    DirectoryReason.TOO_LARGE: "The directory's answer is too large.",
    DirectoryReason.AMBIGUOUS: "The directory has more than one entry for this name.",
    DirectoryReason.SERVICE_REFUSED: "The directory refuses the name and password that this service searches with.",
    DirectoryReason.NO_SECRET: "The file with the password that this service searches with cannot be read.",
    DirectoryReason.BUSY: "Too many people wait for this directory.",
    DirectoryReason.RESTING: "The directory failed several times and is left alone for a while.",
}
#: Not the fault of what is at the other end now: asking another of its servers does not help.
FINAL = frozenset(
    (DirectoryReason.AMBIGUOUS, DirectoryReason.SERVICE_REFUSED, DirectoryReason.NO_SECRET, DirectoryReason.BUSY)
)


class DirectoryError(Unavailable):
    """A directory that gave no answer. Its code is ``directory_unavailable``, one page for all reasons.

    :ivar reason: what stood in the way; for events, commands and metrics.
    """

    default_code = "directory_unavailable"

    def __init__(self, reason: DirectoryReason) -> None:
        super().__init__(_DETAILS[reason])
        self.reason = reason


class DirectoryMismatchError(Exception):
    """The directory has no such name, or the password does not fit: which of them is told to nobody."""


class DirectoryAccountError(Denied):
    """The account is closed in its directory, in one of the ways of :class:`AccountState`. Its code says which.

    :ivar entry_key: of the entry, where the password fits and the entry was read; else empty.
    """

    def __init__(self, state: AccountState, *, entry_key: str = "") -> None:
        super().__init__("The institution's directory does not let this account in.", code=state.value)
        self.state, self.entry_key = state, entry_key
