"""How often a client may ask whether a person has decided (RFC 8628 §3.5, CIBA Core §11)."""

from __future__ import annotations

# Seconds between two polls when it begins, and what each one that comes too early adds (RFC 8628 §3.5).
INTERVAL = 5
SLOWER_BY = 5
# A client that does not listen is not made to wait for longer than its request lives.
LONGEST_INTERVAL = 60
# Networks do not keep time: who asks every five seconds is not told off for 4.2.
TOLERANCE_MILLISECONDS = 1_000
