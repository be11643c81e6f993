"""Addresses as settings name them: origins of this machine or of tests, name servers."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit


class NameServerAddress(NamedTuple):
    """Where a name server answers."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port == 53 else f"{host}:{self.port}"


def is_loopback(origin: str) -> bool:
    """Tell whether the host of ``origin`` is this machine: ``localhost``, 127.0.0.0/8 or ::1 (RFC 6761 §6.3)."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_test_name(origin: str) -> bool:
    """Tell whether the host of ``origin`` stands under the reserved ``.test`` (RFC 6761 §6.2)."""
    host = urlsplit(origin).hostname or ""
    return host == "test" or host.endswith(".test")


def name_server(text: str) -> NameServerAddress:
    """Return ``ADDRESS``, ``ADDRESS:PORT`` or ``[ADDRESS]:PORT`` taken apart. :raises ValueError: if it is none."""
    bracketed = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?", text)
    plain = re.fullmatch(r"([0-9.]+)(?::(\d{1,5}))?", text)
    host, port = (bracketed or plain).groups() if (bracketed or plain) else (text, None)  # type: ignore[union-attr]
    number = int(port or 53)
    if not 1 <= number <= 65535:
        raise ValueError("names no port")
    return NameServerAddress(str(ipaddress.ip_address(host)), number)
