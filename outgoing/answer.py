"""What a host answered."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass

from outgoing.bounded_socket import BoundedSocket
from outgoing.errors import OutgoingError, OutgoingReason

_CHUNK = 16_384


@dataclass(frozen=True)
class Answer:
    """A response whose body has been received in full.

    :ivar certificate_der: of the server, where it was asked for; its chain and name were verified.
    :ivar headers: names in lower case; of a repeated one, the values joined by commas.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    certificate_der: bytes | None = None

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters; empty if the host named none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def succeeded(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300


def receive(
    response: http.client.HTTPResponse, connection: BoundedSocket, *, most_octets: int, may_redirect: bool = False
) -> Answer:
    """Return the answer whose header ``response`` has read.

    :param may_redirect: whether an answer that sends elsewhere (3xx) is returned, without its body.

    :raises OutgoingError: ``redirected``, ``encoded``, ``too_large``, ``bad_answer`` if it ends early.
    """
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    if 300 <= response.status < 400 and may_redirect:
        return Answer(response.status, headers, b"")
    if 300 <= response.status < 400:
        raise OutgoingError(OutgoingReason.REDIRECTED)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise OutgoingError(OutgoingReason.ENCODED)
    if headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
        raise OutgoingError(OutgoingReason.ENCODED)
    if response.length is not None and response.length > most_octets:
        raise OutgoingError(OutgoingReason.TOO_LARGE)
    # Chunks have a frame each; a frame around every octet would be eight times the body.
    connection.allow(8 * most_octets + _CHUNK)
    return Answer(response.status, headers, _body(response, most_octets))


def _body(response: http.client.HTTPResponse, most_octets: int) -> bytes:
    body = bytearray()
    while part := response.read(min(_CHUNK, most_octets + 1 - len(body))):
        body += part
        if len(body) > most_octets:
            raise OutgoingError(OutgoingReason.TOO_LARGE)
    if response.length:  # a length was announced, and the connection ended before it
        raise OutgoingError(OutgoingReason.BAD_ANSWER)
    return bytes(body)
