"""Where a network address is, roughly, by the operator's file in MaxMind's format; without one nobody knows.

The reader is an extra (``geoip``). Nothing is asked over the network. A file that is replaced is read anew; one that is
missing, damaged or of another kind keeps nobody from logging in: it is as if there were none, and ``sau doctor`` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import structlog

from kernel.errors import Unavailable

_log = structlog.get_logger("idp.geography")


class _Reader(Protocol):
    def get(self, ip_address: str, /) -> Any: ...

    def metadata(self) -> Any: ...


def locate(file: Path | None, address: str) -> tuple[float, float] | None:
    """Return latitude and longitude of ``address`` to a tenth of a degree, or nothing where the file does not say."""
    place = _found(file, address).get("location")
    try:
        return round(float(place["latitude"]), 1), round(float(place["longitude"]), 1)  # type: ignore[index]
    except (ValueError, TypeError, KeyError):
        return None


def place_name(file: Path | None, address: str, *, language: str) -> str:
    """Return city and country of ``address``, as far as the file tells them; empty where it does not.

    :param language: of the reader; the file's English where it has no other name.
    """
    found = _found(file, address)
    names = [_name(found.get(part), language) for part in ("city", "country")]
    return ", ".join(name for name in names if name)


def built_at(file: Path) -> datetime:
    """Return when the file was made. :raises Unavailable: (``geoip_unreadable``) if it cannot be read."""
    try:
        reader = _open(file, file.stat().st_mtime_ns)
        if reader is None:
            raise ValueError
        return datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
    except (OSError, ValueError, RuntimeError) as error:
        raise Unavailable("The file with places of addresses cannot be read.", code="geoip_unreadable") from error


def _name(part: object, language: str) -> str:
    names = part.get("names") if isinstance(part, Mapping) else None
    if not isinstance(names, Mapping):
        return ""
    return str(names.get(language) or names.get("es") or names.get("en") or "")


def _found(file: Path | None, address: str) -> Mapping[str, Any]:
    if file is None or not address:
        return {}
    try:
        reader = _open(file, file.stat().st_mtime_ns)
        found = reader.get(address) if reader is not None else None
    except (OSError, ValueError, TypeError, RuntimeError):  # the reader's own error is a RuntimeError
        return {}
    return found if isinstance(found, Mapping) else {}


@lru_cache(maxsize=2)
def _open(file: Path, _written_at: int) -> _Reader | None:
    try:
        import maxminddb  # noqa: PLC0415 - an extra

        return maxminddb.open_database(str(file))
    except Exception as error:  # the extra is missing, or the file is: logins go on, judged by network alone
        _log.warning("geoip_file_not_readable", error=type(error).__name__)
        return None
