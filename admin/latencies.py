"""How long answers take, from the counts by which monitoring sees it: percentiles within the bounds of the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

#: Groups of endpoints by the beginning of their name, the first that fits; what fits none is ``other``.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("login", ("login.", "login_proof.", "certificate_login.", "passkey", "signup", "enroll.")),
    ("authorize", ("idp_authorize",)),
    ("token", ("idp_protocol.", "idp_protected_resource.", "device.")),
    ("discovery", ("idp_discovery.",)),
    ("status", ("pki_status.", "time_stamps.")),
    ("enrolment", ("acme", "est.", "cmp.", "pki_api.")),
    ("console", ("admin_",)),
)
Buckets = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Latency:
    """Seconds within which half, 95 and 99 of a hundred answers began; ``inf``: above the last bound."""

    group: str
    answers: int
    p50: float
    p95: float
    p99: float


def latencies(counted: Mapping[str, Buckets]) -> list[Latency]:
    """Return the groups that answered something, in the order of :data:`GROUPS`.

    :param counted: by endpoint, how many answers took at most so many seconds, growing.
    """
    sums: dict[str, dict[float, float]] = {}
    for endpoint, buckets in counted.items():
        group = sums.setdefault(_group_of(endpoint), {})
        for bound, number in buckets:
            group[bound] = group.get(bound, 0) + number
    found = []
    for name in (*(name for name, _ in GROUPS), "other"):
        together = sorted(sums.get(name, {}).items())
        if together and together[-1][1]:
            p50, p95, p99 = (percentile(together, share) for share in (0.5, 0.95, 0.99))
            found.append(Latency(name, int(together[-1][1]), p50, p95, p99))
    return found


def percentile(buckets: Buckets, share: float) -> float:
    """Return the seconds within which ``share`` of the answers began, between two bounds in proportion.

    ``inf`` if it lies above the last bound: more is not known.
    """
    wanted, below, before = share * buckets[-1][1], 0.0, 0.0
    for bound, number in buckets:
        if number >= wanted:
            if bound == inf:
                return inf
            inside = number - before
            return below + (bound - below) * ((wanted - before) / inside if inside else 1.0)
        below, before = bound, number
    return inf


def _group_of(endpoint: str) -> str:
    for name, beginnings in GROUPS:
        if endpoint.startswith(beginnings):
            return name
    return "other"
