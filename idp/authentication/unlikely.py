"""Logins of one person that can hardly both be his: too far apart in too little time. It flags, and never blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Without knowing where networks are: another network and another device within minutes.
SOON = timedelta(minutes=10)
#: An airliner makes 900 km an hour; below the least distance, addresses are placed too roughly to tell.
FASTEST_KM_PER_HOUR = 1000.0
LEAST_KM = 300.0
_EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, kw_only=True)
class LoginPlace:
    """Where a login came from. :ivar network: names the /16 (IPv6: /32), never the address. :ivar point: degrees."""

    at: datetime
    network: str
    device: str
    point: tuple[float, float] | None = None


def why_unlikely(before: LoginPlace, now: LoginPlace, *, known_device: bool) -> str | None:
    """Return why both are hardly the same person's: ``distance``, ``network_and_device``; else nothing.

    :param known_device: the later login comes from a device that the person used before: that alone moves networks,
        as telephones do between home and street.
    """
    passed = max(now.at - before.at, timedelta(0))
    if before.point is not None and now.point is not None:
        far = kilometres(before.point, now.point)
        hours = passed / timedelta(hours=1)
        return "distance" if far >= LEAST_KM and far > hours * FASTEST_KM_PER_HOUR else None
    moved = before.network != now.network and before.device != now.device
    return "network_and_device" if moved and passed < SOON and not known_device else None


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance along the great circle between two points (latitude, longitude in degrees)."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, point)) for point in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))
