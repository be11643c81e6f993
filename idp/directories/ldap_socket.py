"""The socket that ldap3 talks over: connected, secured and bounded by us, so that it can neither wait nor read on.

Of ldap3's own ways to a server none is used: it asks name servers without an end, verifies nothing unless it is told
to, and its time-out begins anew with every octet that arrives.
"""

from __future__ import annotations

import socket
import ssl

from idp.directories.directory import DirectoryServer
from idp.directories.errors import DirectoryError, DirectoryReason
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError
from outgoing.resolution import BoundedResolution, resolve_by_system

#: Of one answer. ldap3 decodes a number in quadratic time: what is larger would cost seconds of a processor.
MOST_OCTETS = 128 * 1024
_MOST_ADDRESSES = 2
_RESOLUTION = BoundedResolution(resolve_by_system)


class LdapSocket:
    """A connected socket in the shape that ldap3 expects, under a deadline and an allowance of octets."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline
        self._allowance = MOST_OCTETS

    def begin(self, deadline: Deadline) -> None:
        """Begin an operation, which ends by ``deadline``."""
        self._deadline = deadline
        self._allowance = MOST_OCTETS

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on. :raises ssl.SSLError: if the server cannot, or is another."""
        self._socket.settimeout(self._deadline.remaining())
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.settimeout(self._deadline.remaining())
        self._socket.sendall(data)

    def recv(self, octets: int) -> bytes:
        """Receive at most ``octets``.

        :raises DirectoryError: ``too_large``. :raises OutgoingError: ``timed_out``.
        """
        self._socket.settimeout(self._deadline.remaining())
        received = self._socket.recv(octets)
        self._allowance -= len(received)
        if self._allowance < 0:
            raise DirectoryError(DirectoryReason.TOO_LARGE)
        return received

    def shutdown(self, how: int) -> None:
        """End one or both ways."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


def connect(server: DirectoryServer, *, seconds: float, deadline: Deadline) -> LdapSocket:
    """Connect to the server: at most ``seconds`` in all, whatever its name resolves to.

    :raises OutgoingError: ``unresolved``, ``timed_out``, ``busy``. :raises OSError: if nothing accepts.
    """
    ends = Deadline(min(seconds, deadline.remaining()))
    failure: OSError = ConnectionError()
    for address in list(dict.fromkeys(_RESOLUTION.addresses(server.host, server.port, deadline=ends)))[
        :_MOST_ADDRESSES
    ]:
        try:
            connected = socket.create_connection((address, server.port), timeout=ends.remaining())
        except OSError as error:
            failure = error
            continue
        except OutgoingError:
            raise
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return LdapSocket(connected, ends)
    raise failure


def trust(ca_pem: str) -> ssl.SSLContext:
    """Return how a directory's servers are verified: chain, dates and host name, always.

    :param ca_pem: the only authorities that are believed; empty: the system's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem:
        context.load_verify_locations(cadata=ca_pem)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context
