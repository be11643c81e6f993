"""Certificates as text (RFC 7468)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from textwrap import wrap


def to_pem(certificates: Iterable[bytes]) -> bytes:
    """Return DER certificates as PEM, one after the other."""
    return "".join(_block(der) for der in certificates).encode("ascii")


def _block(der: bytes) -> str:
    lines = "\n".join(wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
