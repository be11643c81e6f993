"""What came with a request beside its parameters and proves who sent it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The sender of one request, not yet believed.

    :ivar method: of HTTP, in capitals.
    :ivar url: the address without query as the client wrote it (``htu`` of RFC 9449 §4.3).
    :ivar dpop: each ``DPoP`` header; more than one is refused where it matters.
    :ivar certificate_der: the TLS client certificate that the proxy saw proof of, or None.
    """

    method: str
    url: str
    dpop: tuple[str, ...] = field(default=(), repr=False)
    certificate_der: bytes | None = field(default=None, repr=False)
