"""One connection to one server of a directory: secured before anything is said, bounded in time and size."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from ldap3 import BASE, DEREF_NEVER, NONE, SAFE_SYNC, SIMPLE, SUBTREE, Connection, Server
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import (
    RESULT_INVALID_CREDENTIALS,
    RESULT_INVALID_DN_SYNTAX,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_SUCCESS,
)

from idp.directories.directory import DirectoryServer
from idp.directories.errors import DirectoryError, DirectoryReason
from idp.directories.ldap_socket import LdapSocket, connect
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason

_START_TLS = "1.3.6.1.4.1.1466.20037"
_REASONS = {
    OutgoingReason.TIMED_OUT: DirectoryReason.TIMED_OUT,
    OutgoingReason.UNRESOLVED: DirectoryReason.UNRESOLVED,
    OutgoingReason.BUSY: DirectoryReason.BUSY,
}


@dataclass(frozen=True)
class RawEntry:
    """An entry as it came. :ivar attributes: octets by name in lower case."""

    dn: str
    attributes: dict[str, tuple[bytes, ...]]


@dataclass(frozen=True)
class BindAnswer:
    """What the server said to a name and a password. :ivar message: its own words, for those of Active Directory."""

    fits: bool
    message: str


@dataclass(frozen=True)
class Patience:
    """Seconds for connecting, and for each operation after it."""

    connect: float
    operation: float


class LdapConnection:
    """A secured connection. It is opened by :func:`open_connection`; no name was told yet."""

    def __init__(self, server: DirectoryServer, held: LdapSocket, patience: Patience) -> None:
        self._held = held
        self._patience = patience
        self._connection: Any = _bare_connection(server, held)

    def start_tls(self, context: ssl.SSLContext, host: str, *, deadline: Deadline) -> None:
        """Ask for TLS and speak it from here on (RFC 4511 §4.14). :raises DirectoryError: if the server does not."""
        with _told():
            self._begin(deadline)
            _, result, _, _ = self._connection.extended(_START_TLS)
            if result["result"] != RESULT_SUCCESS:
                raise DirectoryError(DirectoryReason.BAD_TLS)
            self._held.secure(context, host)

    def bind(self, name: str, password: bytes, *, deadline: Deadline) -> BindAnswer:
        """Tell who one is. The password is never empty: the caller's rule, and checked once more.

        :raises DirectoryError: for an answer that is neither yes nor no.
        """
        if not name or not password:
            raise DirectoryError(DirectoryReason.BAD_ANSWER)
        with _told():
            self._begin(deadline)
            self._connection.user, self._connection.password = name, password
            try:
                bound, result, _, _ = self._connection.bind(read_server_info=False)
            finally:
                self._connection.user = self._connection.password = None
                self._connection.request = None
            code = result["result"]
            if bound and code == RESULT_SUCCESS:
                return BindAnswer(True, "")
            # A name that is no distinguished name, or of nobody, is no fault of the server.
            if code in (RESULT_INVALID_CREDENTIALS, RESULT_INVALID_DN_SYNTAX, RESULT_NO_SUCH_OBJECT):
                return BindAnswer(False, str(result["message"])[:500])
            raise DirectoryError(DirectoryReason.BAD_ANSWER)

    def search(
        self, base: str, search_filter: str, attributes: Sequence[str], *, most: int, deadline: Deadline
    ) -> list[RawEntry]:
        """Return at most ``most`` entries below ``base``.

        :raises DirectoryError: ``ambiguous`` if there are more, or no answer of worth.
        """
        with _told():
            seconds = self._begin(deadline)
            _, result, entries, _ = self._connection.search(
                base,
                search_filter,
                search_scope=SUBTREE,
                dereference_aliases=DEREF_NEVER,
                attributes=list(attributes),
                size_limit=most,
                time_limit=max(1, int(seconds)),
            )
            if result["result"] == RESULT_NO_SUCH_OBJECT:
                return []
            found = [each for each in entries or () if each["type"] == "searchResEntry"]
            if result["result"] == RESULT_SIZE_LIMIT_EXCEEDED or len(found) > most:
                raise DirectoryError(DirectoryReason.AMBIGUOUS)
            if result["result"] != RESULT_SUCCESS:
                raise DirectoryError(DirectoryReason.BAD_ANSWER)
            return [_raw(each) for each in found]

    def read(self, name: str, attributes: Sequence[str], *, deadline: Deadline) -> RawEntry | None:
        """Return one entry by its name; None if there is none, or none that this service may see.

        :raises DirectoryError: if there is no answer of worth.
        """
        with _told():
            seconds = self._begin(deadline)
            _, result, entries, _ = self._connection.search(
                name,
                "(objectClass=*)",
                search_scope=BASE,
                dereference_aliases=DEREF_NEVER,
                attributes=list(attributes),
                size_limit=1,
                time_limit=max(1, int(seconds)),
            )
            found = [each for each in entries or () if each["type"] == "searchResEntry"]
            return _raw(found[0]) if result["result"] == RESULT_SUCCESS and found else None

    def close(self) -> None:
        """Say goodbye and let go."""
        with suppress(Exception):
            self._begin(Deadline(1.0))
            self._connection.unbind()
        with suppress(OSError):
            self._held.close()

    def _begin(self, deadline: Deadline) -> float:
        seconds = min(self._patience.operation, deadline.remaining())
        self._held.begin(Deadline(seconds))
        return seconds


def open_connection(
    server: DirectoryServer, context: ssl.SSLContext, *, patience: Patience, deadline: Deadline
) -> LdapConnection:
    """Connect and secure. :raises DirectoryError: with the reason."""
    with _told():
        held = connect(server, seconds=patience.connect, deadline=deadline)
        try:
            if server.tls:
                held.begin(Deadline(min(patience.operation, deadline.remaining())))
                held.secure(context, server.host)
            opened = LdapConnection(server, held, patience)
            if not server.tls:
                opened.start_tls(context, server.host, deadline=deadline)
        except BaseException:
            held.close()
            raise
        return opened


@contextmanager
def _told() -> Iterator[None]:
    """Turn whatever goes wrong into one error with a reason: ldap3 raises anything at an answer made wrong."""
    try:
        yield
    except DirectoryError:
        raise
    except OutgoingError as error:
        raise DirectoryError(_REASONS.get(error.reason, DirectoryReason.UNREACHABLE)) from None
    except ssl.SSLCertVerificationError:
        raise DirectoryError(DirectoryReason.BAD_CERTIFICATE) from None
    except TimeoutError:
        raise DirectoryError(DirectoryReason.TIMED_OUT) from None
    except ssl.SSLError:
        raise DirectoryError(DirectoryReason.BAD_TLS) from None
    except LDAPException as error:
        raise DirectoryError(_of_library(error)) from None
    except OSError:
        raise DirectoryError(DirectoryReason.UNREACHABLE) from None
    except Exception:  # what it decodes came from outside
        raise DirectoryError(DirectoryReason.BAD_ANSWER) from None


def _of_library(error: LDAPException) -> DirectoryReason:
    """ldap3 wraps what the socket raised: the kind of error is in the name of the class that it makes."""
    text = f"{type(error).__name__} {error}".lower()
    if "timed out" in text or "timeout" in text:
        return DirectoryReason.TIMED_OUT
    if "socket" in text or "session" in text or "terminated" in text:
        return DirectoryReason.UNREACHABLE
    return DirectoryReason.BAD_ANSWER


def _bare_connection(server: DirectoryServer, held: LdapSocket) -> Any:
    connection: Any = Connection(
        Server(server.host, port=server.port, get_info=NONE),
        authentication=SIMPLE,
        client_strategy=SAFE_SYNC,
        auto_referrals=False,  # another server is nobody that the operator named
        auto_range=False,
        check_names=False,
        return_empty_attributes=False,
        raise_exceptions=False,
    )
    connection.socket, connection.closed = held, False
    connection.strategy._outstanding = {}
    connection.strategy._start_listen()
    # It opens a connection of its own, unverified, when it finds the one that it has closed.
    connection.open = connection.strategy.open = _refuse_to_open
    return connection


def _refuse_to_open(*_arguments: object, **_keywords: object) -> NoReturn:
    raise DirectoryError(DirectoryReason.UNREACHABLE)


def _raw(entry: Any) -> RawEntry:
    attributes = {
        str(name).lower(): tuple(bytes(value) for value in values) for name, values in entry["raw_attributes"].items()
    }
    return RawEntry(str(entry["dn"]), attributes)
