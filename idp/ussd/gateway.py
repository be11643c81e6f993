"""How the gateway is known: a secret in a file, read at each call, so that it is replaced without a restart."""

from __future__ import annotations

from pathlib import Path

from kernel.errors import Unavailable

SHORTEST_SECRET = 32


def read_gateway_secret(file: Path) -> str:
    """Return the secret. :raises Unavailable: (``ussd_secret``) if it cannot be read, or is too short to be one."""
    try:
        secret = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Unavailable("The gateway's secret cannot be read.", code="ussd_secret") from None
    if len(secret) < SHORTEST_SECRET:
        raise Unavailable("The gateway's secret is too short.", code="ussd_secret")
    return secret
