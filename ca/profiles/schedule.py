"""How long a TLS server certificate may live, by the day on which it begins (CA/B Forum BR 2.2.6 §6.3.2, SC-081)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_STEPS = (
    (date(2029, 3, 15), 47),
    (date(2027, 3, 15), 100),
    (date(2026, 3, 15), 200),
)
_BEFORE = 398


def longest_tls_lifetime(issued_at: datetime) -> timedelta:
    """Return the longest validity that BR §6.3.2 allows for a certificate issued at ``issued_at``."""
    day = issued_at.astimezone(UTC).date()
    return timedelta(days=next((days for since, days in _STEPS if day >= since), _BEFORE))
