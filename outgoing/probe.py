"""Looking at a server whose control somebody wants to prove: by plain http, redirects followed, or by its TLS greeting.

What is reached is guarded as in :mod:`outgoing.client`: every address judged, the connection made to a judged one, time
and size bounded. Other than there, http is the rule, a redirect is followed to names and ports that the proof may use,
and certificates are not verified: whoever has none yet proves that he may have one (RFC 8555 §8.3).
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

from kernel.database import in_transaction
from kernel.errors import Fault
from kernel.settings import IpNetwork
from outgoing.addresses import parse_address, require_reachable
from outgoing.answer import Answer
from outgoing.bounded_socket import BoundedSocket
from outgoing.connection import connect_to, exchange
from outgoing.deadline import Deadline
from outgoing.errors import OutgoingError, OutgoingReason
from outgoing.resolution import BoundedResolution, Resolver
from outgoing.target import Target, parse_target

SECONDS = 10.0
"""For the whole, redirects included."""
MOST_REDIRECTS = 10
_MOST_ADDRESSES = 2
_MOST_OCTETS_OF_HEADER = 32 * 1024
_HEADERS = {"Accept": "*/*"}


@dataclass(frozen=True)
class TlsGreeting:
    """What a server answered to a TLS greeting. :ivar certificate_der: the one that it presented."""

    protocol: str | None
    certificate_der: bytes | None


class Probe:
    """Looks at servers from one resolver's point of view.

    :param resolver: asks for a host's addresses.
    :param networks: of the operator, that are reached although they are not public.
    :param http_port: and ``https_port``: the only ports that are connected to, each for its scheme.
    :param is_bounded: see :class:`outgoing.resolution.BoundedResolution`.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        networks: Sequence[IpNetwork] = (),
        http_port: int = 80,
        https_port: int = 443,
        is_bounded: bool = False,
    ) -> None:
        self._resolution = BoundedResolution(resolver, is_bounded=is_bounded)
        self._networks = tuple(networks)
        self._ports = {"http": http_port, "https": https_port}

    def fetch(self, host: str, path: str, *, most_octets: int, seconds: float = SECONDS) -> Answer:
        """GET ``http://host/path`` and return the answer, whose status is 200, wherever redirects led.

        :raises OutgoingError: with the reason; ``redirected`` after ten redirects, ``bad_url`` and ``refused_port`` for
            one that leads where none may.
        """
        deadline = Deadline(seconds)
        port = "" if self._ports["http"] == 80 else f":{self._ports['http']}"
        url = f"http://{host}{port}{path}"
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._get(self._judged(url), deadline, most_octets=most_octets)
            if not 300 <= answer.status < 400:
                if answer.status != 200:
                    raise OutgoingError(OutgoingReason.BAD_STATUS)
                return answer
            url = _redirected(url, answer)
        raise OutgoingError(OutgoingReason.REDIRECTED)

    def greet(self, host: str, *, protocol: str, seconds: float = SECONDS) -> TlsGreeting:
        """Greet ``host`` by TLS with its name and the one application ``protocol``; nothing is sent after it.

        :raises OutgoingError: with the reason.
        """
        deadline = Deadline(seconds)
        target = Target(scheme="https", host=host, port=self._ports["https"], path="/")
        with _told(), closing(self._connect(target, deadline)) as connected:
            context = _trusting_nobody()
            context.set_alpn_protocols([protocol])
            connected.settimeout(deadline.remaining())
            with context.wrap_socket(connected, server_hostname=host) as secured:
                return TlsGreeting(secured.selected_alpn_protocol(), secured.getpeercert(binary_form=True))

    def _judged(self, url: str) -> Target:
        target = parse_target(url)
        if target.port != self._ports[target.scheme]:
            raise OutgoingError(OutgoingReason.REFUSED_PORT)
        if ":" in target.host or target.host.replace(".", "").isdigit():
            raise OutgoingError(OutgoingReason.BAD_URL)  # a proof is of a name: no redirect leads to a bare address
        return target

    def _get(self, target: Target, deadline: Deadline, *, most_octets: int) -> Answer:
        with _told(), closing(self._connect(target, deadline)) as connected:
            if target.scheme == "https":
                connected.settimeout(deadline.remaining())
                with _trusting_nobody().wrap_socket(connected, server_hostname=target.host) as secured:
                    return _ask(secured, target, deadline, most_octets=most_octets)
            return _ask(connected, target, deadline, most_octets=most_octets)

    def _connect(self, target: Target, deadline: Deadline) -> socket.socket:
        if in_transaction():
            raise Fault("An outgoing request inside a transaction.", code="outgoing_in_transaction")
        found = self._resolution.addresses(target.host, target.port, deadline=deadline)
        addresses = list(dict.fromkeys(parse_address(text) for text in found))
        for address in addresses:
            require_reachable(address, networks=self._networks)
        failure: OSError = ConnectionError()
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return connect_to(address, target.port, seconds=min(deadline.remaining(), SECONDS / 2))
            except OSError as error:
                failure = error
        raise failure


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the network raises into an :class:`OutgoingError`."""
    try:
        yield
    except OutgoingError:
        raise
    except Exception as error:
        for kinds, reason in _REASONS:
            if isinstance(error, kinds):
                raise OutgoingError(reason) from None
        raise


_REASONS: tuple[tuple[tuple[type[BaseException], ...], OutgoingReason], ...] = (
    ((TimeoutError,), OutgoingReason.TIMED_OUT),
    ((ssl.SSLError,), OutgoingReason.BAD_TLS),
    ((http.client.HTTPException, ValueError), OutgoingReason.BAD_ANSWER),
    ((OSError,), OutgoingReason.UNREACHABLE),
)


def _ask(connected: socket.socket, target: Target, deadline: Deadline, *, most_octets: int) -> Answer:
    bounded = BoundedSocket(connected, deadline=deadline, allowance=_MOST_OCTETS_OF_HEADER)
    return exchange(
        bounded, target, method="GET", body=None, headers=_HEADERS, most_octets=most_octets, may_redirect=True
    )


def _redirected(url: str, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    if answer.status not in (301, 302, 303, 307, 308) or not location:
        raise OutgoingError(OutgoingReason.BAD_STATUS)
    try:
        return urljoin(url, location)
    except ValueError:
        raise OutgoingError(OutgoingReason.BAD_URL) from None


def _trusting_nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
