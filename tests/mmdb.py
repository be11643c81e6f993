"""A file in MaxMind's public format (MaxMind DB 2.0), made for tests, read by the library that the service has."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"
_EMPTY = -1


class _Wide(int):
    """A uint64; other whole numbers are written as uint32."""


class _Short(int):
    """A uint16."""


def write_mmdb(path: Path, networks: Mapping[str, Mapping[str, Any]], *, built_at: datetime) -> Path:
    """Write the records of ``networks`` (CIDR) as a tree of IPv6, IPv4 under ``::/96``; return ``path``."""
    data = b""
    nodes: list[list[int]] = [[_EMPTY, _EMPTY]]
    leaves: dict[tuple[int, int], int] = {}
    for cidr, record in networks.items():
        network = ipaddress.ip_network(cidr)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        bits = "0" * 96 + bits if network.version == 4 else bits
        at = 0
        for bit in map(int, bits[:-1]):
            if nodes[at][bit] == _EMPTY:
                nodes.append([_EMPTY, _EMPTY])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        leaves[at, int(bits[-1])] = len(data)
        data += _encode(record)
    count = len(nodes)
    tree = b""
    for at, sides in enumerate(nodes):
        for bit, target in enumerate(sides):
            value = count if target == _EMPTY else target
            if (at, bit) in leaves:
                value = count + 16 + leaves[at, bit]
            tree += value.to_bytes(4, "big")
    metadata = {
        "node_count": count,
        "record_size": _Short(32),
        "ip_version": _Short(6),
        "database_type": "GeoLite2-City",
        "languages": ["en", "es"],
        "binary_format_major_version": _Short(2),
        "binary_format_minor_version": _Short(0),
        "build_epoch": _Wide(built_at.timestamp()),
        "description": {"en": "made for a test"},
    }
    path.write_bytes(tree + bytes(16) + data + _MARKER + _encode(metadata))
    return path


def _encode(value: Any) -> bytes:
    match value:
        case str():
            octets = value.encode()
            return _control(2, len(octets)) + octets
        case float():
            return _control(3, 8) + struct.pack(">d", value)
        case int():
            octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
            kind = 9 if isinstance(value, _Wide) else 5 if isinstance(value, _Short) else 6
            return _control(kind, len(octets)) + octets
        case Mapping():
            return _control(7, len(value)) + b"".join(_encode(key) + _encode(part) for key, part in value.items())
        case _:
            return _control(11, len(value)) + b"".join(_encode(part) for part in value)


def _control(kind: int, size: int) -> bytes:
    assert size < 285
    first = size if size < 29 else 29
    head = bytes([(kind << 5) | first]) if kind < 8 else bytes([first, kind - 7])
    return head + (bytes([size - 29]) if size >= 29 else b"")
