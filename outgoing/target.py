"""An outgoing URL, taken apart once: what is left of it is what is connected to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import urlsplit

from outgoing.errors import OutgoingError, OutgoingReason

MOST_CHARACTERS = 2048
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Above 1023 anything may be a web server, but not these: well-known ports of databases, and those of the Fetch standard
# ("port blocking"), where another protocol could take our words for its own.
_OTHER_PROTOCOLS = frozenset(
    {
        *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697),
        *(10080, 3306, 3389, 5432, 6379, 6432, 9200, 11211, 27017),
    }
)


@dataclass(frozen=True)
class Target:
    """Where a request goes.

    :ivar host: a lower-case DNS name, or an IP address without brackets.
    :ivar path: path and query as they go on the request line.
    """

    scheme: Literal["https", "http"]
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The value of ``Host``: the port stands in it if it is not the scheme's own (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """Return what ``url`` (absolute, ``https`` or ``http``) points at.

    :raises OutgoingError: ``bad_url`` for what is no such URL, is over 2,048 characters, or carries user-info, a
        fragment, a backslash, white space, a character outside ASCII, a zone, or a host that only looks like an address
        (``127.1``, ``0x7f000001``); ``refused_port`` for a port of another protocol.
    """
    if len(url) > MOST_CHARACTERS or not _PRINTABLE.fullmatch(url) or "\\" in url or "#" in url:
        raise OutgoingError(OutgoingReason.BAD_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OutgoingError(OutgoingReason.BAD_URL) from None
    if parts.scheme not in ("https", "http") or "@" in parts.netloc:
        raise OutgoingError(OutgoingReason.BAD_URL)
    scheme: Literal["https", "http"] = "https" if parts.scheme == "https" else "http"
    _require_port(scheme, port)
    path = parts.path or "/"
    return Target(
        scheme=scheme,
        host=_host(parts.hostname or "", bracketed="[" in parts.netloc),
        port=_DEFAULT_PORTS[scheme] if port is None else port,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def _require_port(scheme: str, port: int | None) -> None:
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return
    if port < 1024 or port in _OTHER_PROTOCOLS:
        raise OutgoingError(OutgoingReason.REFUSED_PORT)


def _host(host: str, *, bracketed: bool) -> str:
    try:
        if bracketed:
            return str(IPv6Address(host)) if "%" not in host else _refuse()
        if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
            return str(IPv4Address(host))  # four decimal numbers, and no other way to write it
    except ValueError:
        _refuse()
    if len(host) > 253 or not _NAME.fullmatch(host):
        _refuse()
    return host


def _refuse() -> str:
    raise OutgoingError(OutgoingReason.BAD_URL)
