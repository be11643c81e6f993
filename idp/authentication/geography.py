"""Where a network address is, roughly, by the operator's file in MaxMind's format; without one nobody knows.

The reader is an extra (``geoip``). Nothing is asked over the network.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import structlog

_log = structlog.get_logger("idp.geography")


class _Reader(Protocol):
    def get(self, ip_address: str, /) -> Any: ...


def locate(file: Path | None, address: str) -> tuple[float, float] | None:
    """Return latitude and longitude of ``address`` to a tenth of a degree, or nothing where the file does not say."""
    reader = _open(file) if file is not None else None
    if reader is None or not address:
        return None
    try:
        found = reader.get(address)
        place = found["location"]
        return round(float(place["latitude"]), 1), round(float(place["longitude"]), 1)
    except (ValueError, TypeError, KeyError):
        return None


@lru_cache(maxsize=2)
def _open(file: Path) -> _Reader | None:
    try:
        import maxminddb  # noqa: PLC0415 - an extra

        return maxminddb.open_database(str(file))
    except Exception as error:  # the extra is missing, or the file is: logins go on, judged by network alone
        _log.warning("geoip_file_not_readable", error=type(error).__name__)
        return None
