"""Where a server listens: ``HOST:PORT`` as it is typed."""

from __future__ import annotations

from kernel.errors import Rejected


def parse_bind(bind: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` (IPv6 in brackets). :raises Rejected: if it is not that."""
    host, separator, port = bind.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65536:
        raise Rejected(f"{bind!r} is not HOST:PORT.", code="bad_bind")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104  # nosec B104 - an empty host means all
