"""Connecting to an address that was judged, and one HTTP exchange on it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from typing import Any

from outgoing.addresses import Address
from outgoing.answer import Answer, receive
from outgoing.bounded_socket import BoundedSocket
from outgoing.target import Target


def connect_to(address: Address, port: int, *, seconds: float) -> socket.socket:
    """Connect to the address itself: nothing is resolved here."""
    connected = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        connected.settimeout(seconds)
        connected.connect((str(address), port))
    except BaseException:
        connected.close()
        raise
    return connected


def exchange(
    connected: BoundedSocket,
    target: Target,
    *,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
    most_octets: int,
    may_redirect: bool = False,
) -> Answer:
    """Ask ``target`` on a connection that stands, and return its answer.

    :param may_redirect: return an answer that sends elsewhere, without its body, instead of raising.
    :raises OutgoingError: as :func:`outgoing.answer.receive`.
    """
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.auto_open = 0  # it may use the socket that it is given, and open none
    held: Any = connected
    connection.sock = held
    always = {"Host": target.host_header, "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "SAU"}
    connection.request(method, target.path, body=body, headers={**headers, **always})
    with connection.getresponse() as response:
        return receive(response, connected, most_octets=most_octets, may_redirect=may_redirect)
