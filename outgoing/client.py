"""The guarded client: everything that the service fetches from or sends to a host that somebody else named.

Each request: the URL is taken apart and judged (``target``), the host is resolved once (``resolution``), every address
is judged (``addresses``), the connection is made to an address that was judged, and TLS verifies the host's name there.
A name that answers differently a moment later (DNS rebinding) therefore changes nothing. Redirects are not followed,
compressed answers are refused, sizes and the time of the whole are bounded; there are no cookies, no proxies from the
environment, no retries.

**Never call it while a database transaction is open**: on SQLite the whole service would wait for a stranger's server.
It refuses (``Fault``). Read what the request needs, leave the transaction, call, then open one to write the outcome;
whatever can wait goes through the outbox (``kernel.outbox``), whose handlers run outside any transaction.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from kernel.database import in_transaction
from kernel.errors import Fault
from kernel.settings import IpNetwork
from outgoing.addresses import Address, is_listed, parse_address, require_reachable
from outgoing.answer import Answer
from outgoing.bounded_socket import BoundedSocket
from outgoing.connection import connect_to, exchange
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason
from outgoing.resolution import BoundedResolution, Resolver, resolve_by_system
from outgoing.target import Target, parse_target

TIME_ALLOWED = 5.0
"""Seconds for a whole request, from the name's resolution to the last octet."""
MOST_OCTETS = 256 * 1024
"""Of a body that is fetched, unless the caller asks for less."""
_MOST_OCTETS_OF_ACKNOWLEDGEMENT = 16 * 1024
_MOST_OCTETS_OF_HEADER = 32 * 1024
_MOST_CONNECTIONS = 16
_MOST_ADDRESSES = 3  # that are tried, one after the other


class OutgoingClient:
    """Fetches and sends within the rules above. One instance serves all threads of a process.

    :param networks: networks of the operator that are reached although they are not public, by plain http too.
    :param ca_file: PEM file of trust anchors beside the system's.
    :param resolver: asks for a host's addresses; tests hand in their own.
    """

    def __init__(
        self,
        *,
        networks: Sequence[IpNetwork] = (),
        ca_file: Path | None = None,
        resolver: Resolver = resolve_by_system,
        most_connections: int = _MOST_CONNECTIONS,
    ) -> None:
        self._networks = tuple(networks)
        self._ca_file = ca_file
        self._resolution = BoundedResolution(resolver)
        self._connections = threading.BoundedSemaphore(most_connections)
        self._trust: ssl.SSLContext | None = None

    def fetch(
        self,
        url: str,
        *,
        media_types: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        most_octets: int = MOST_OCTETS,
        seconds: float = TIME_ALLOWED,
    ) -> Answer:
        """GET ``url`` and return the answer, whose status is 200.

        :param headers: further ones; their values reach no log and no error.
        :param media_types: the answer's must be one of these (lower case); empty: any.
        :raises OutgoingError: with the reason; ``bad_status`` for any other status.
        :raises Fault: (``outgoing_in_transaction``) if the caller holds a database transaction.
        """
        sent = {**(headers or {}), "Accept": ", ".join(media_types) or "*/*"}
        answer = self._request("GET", url, body=None, headers=sent, most_octets=most_octets, seconds=seconds)
        if answer.status != 200:
            raise OutgoingError(OutgoingReason.BAD_STATUS)
        if media_types and answer.media_type not in media_types:
            raise OutgoingError(OutgoingReason.BAD_MEDIA_TYPE)
        return answer

    def look(self, url: str, *, most_octets: int = MOST_OCTETS, seconds: float = TIME_ALLOWED) -> Answer:
        """GET ``url`` and return whatever is answered, a redirect too, with the server's certificate.

        :raises OutgoingError: with the reason if there is no answer.
        :raises Fault: (``outgoing_in_transaction``) if the caller holds a database transaction.
        """
        return self._request(
            "GET", url, body=None, headers={"Accept": "*/*"}, most_octets=most_octets, seconds=seconds, looking=True
        )

    def send(
        self,
        url: str,
        *,
        body: bytes,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        seconds: float = TIME_ALLOWED,
    ) -> Answer:
        """POST ``body`` to ``url`` and return the answer, whatever its status: judging it is the caller's.

        :param headers: further ones, ``Authorization`` for example. Their values reach no log and no error.
        :raises OutgoingError: with the reason if there is no answer, or it is a redirect.
        :raises Fault: (``outgoing_in_transaction``) if the caller holds a database transaction.
        """
        sent = {"Accept": "application/json, */*;q=0.1", **(headers or {}), "Content-Type": media_type}
        most_octets = _MOST_OCTETS_OF_ACKNOWLEDGEMENT
        return self._request("POST", url, body=body, headers=sent, most_octets=most_octets, seconds=seconds)

    def require_target(self, url: str) -> None:
        """Require that ``url`` is one that could be asked, by its text alone: no name is resolved. For registration.

        :raises OutgoingError: ``bad_url``, ``refused_port``; ``plain_http`` unless the operator lists networks;
            ``refused_address`` for an address written out that is neither public nor listed.
        """
        target = parse_target(url)
        if target.scheme == "http" and not self._networks:
            raise OutgoingError(OutgoingReason.PLAIN_HTTP)
        if ":" in target.host or target.host.replace(".", "").isdigit():
            self._require_address(parse_address(target.host), target)

    def _request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        most_octets: int,
        seconds: float,
        looking: bool = False,
    ) -> Answer:
        if in_transaction():
            raise Fault("An outgoing request inside a transaction.", code="outgoing_in_transaction")
        deadline, target = Deadline(seconds), parse_target(url)
        if target.scheme == "http" and not self._networks:
            raise OutgoingError(OutgoingReason.PLAIN_HTTP)
        if not self._connections.acquire(timeout=deadline.remaining()):
            raise OutgoingError(OutgoingReason.BUSY)
        try:
            with closing(self._connect(target, deadline)) as connected:
                presented = connected.getpeercert(True) if isinstance(connected, ssl.SSLSocket) and looking else None
                answer = exchange(
                    BoundedSocket(connected, deadline=deadline, allowance=_MOST_OCTETS_OF_HEADER),
                    target,
                    method=method,
                    body=body,
                    headers=headers,
                    most_octets=most_octets,
                    may_redirect=looking,
                )
                return replace(answer, certificate_der=presented) if presented else answer
        except TimeoutError:
            raise OutgoingError(OutgoingReason.TIMED_OUT) from None
        except ssl.SSLCertVerificationError:
            raise OutgoingError(OutgoingReason.BAD_CERTIFICATE) from None
        except ssl.SSLError:
            raise OutgoingError(OutgoingReason.BAD_TLS) from None
        except (http.client.HTTPException, ValueError):
            raise OutgoingError(OutgoingReason.BAD_ANSWER) from None
        except OSError:
            raise OutgoingError(OutgoingReason.UNREACHABLE) from None
        finally:
            self._connections.release()

    def _connect(self, target: Target, deadline: Deadline) -> socket.socket:
        found = self._resolution.addresses(target.host, target.port, deadline=deadline)
        addresses = list(dict.fromkeys(parse_address(text) for text in found))
        for address in addresses:  # every one: which of them is connected to is not for the host's owner to play with
            self._require_address(address, target)
        failure: OSError = ConnectionError()
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                connected = connect_to(address, target.port, seconds=deadline.remaining())
            except OSError as error:
                failure = error
                continue
            return self._secure(connected, target, deadline) if target.scheme == "https" else connected
        raise failure

    def _require_address(self, address: Address, target: Target) -> None:
        require_reachable(address, networks=self._networks)
        if target.scheme == "http" and not is_listed(address, self._networks):
            raise OutgoingError(OutgoingReason.PLAIN_HTTP)

    def _secure(self, connected: socket.socket, target: Target, deadline: Deadline) -> socket.socket:
        try:
            connected.settimeout(deadline.remaining())
            return self._trusted().wrap_socket(connected, server_hostname=target.host)
        except BaseException:
            connected.close()
            raise

    def _trusted(self) -> ssl.SSLContext:
        """The trust anchors, read once: reading the system's takes longer than a request."""
        if self._trust is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and host name
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            if self._ca_file is not None:
                try:
                    context.load_verify_locations(cafile=self._ca_file)
                except OSError:  # ssl.SSLError is one
                    raise OutgoingError(OutgoingReason.BAD_TRUST_FILE) from None
            self._trust = context
        return self._trust
