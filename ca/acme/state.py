"""Words for where accounts, orders and authorizations stand (RFC 8555 §7.1.6), as stored and as sent."""

from __future__ import annotations

from datetime import timedelta

VALID, INVALID, PENDING, READY, PROCESSING = "valid", "invalid", "pending", "ready", "processing"
DEACTIVATED, EXPIRED = "deactivated", "expired"
CLOSED_BY_OPERATOR = "revoked"

#: How long an order may take, proofs and signature. CAA is looked at with each proof, and what it said counts for
#: eight hours (BR §3.2.2.8): an order that lives seven need not ask again.
ORDER_LIFETIME = timedelta(hours=7)
