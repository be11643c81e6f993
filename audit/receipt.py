"""Receipts: an event's name with the hash of its leaf, a promise that whoever holds it can hold against the log.

The hash stands in the public tree and says nothing by itself (leaves are salted), so a receipt proves that an event was
recorded without showing the record. In an ID token's ``txn`` it is signed with the token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from audit.merkle import HASH_SIZE, hash_leaf
from kernel.errors import Rejected
from kernel.identifiers import b64url, b64url_decode

_EVENT_ID = re.compile(r"[0-9a-z]{26}")


@dataclass(frozen=True)
class Receipt:
    """A receipt, taken apart.

    :ivar leaf_hash: 32 octets, SHA-256(0x00 || leaf).
    """

    event_id: str
    leaf_hash: bytes

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read ``EVENT.HASH``. :raises Rejected: (``bad_receipt``) if it is none."""
        event_id, _, encoded = text.partition(".")
        try:
            leaf_hash = b64url_decode(encoded)
        except ValueError:
            leaf_hash = b""
        if not _EVENT_ID.fullmatch(event_id) or len(leaf_hash) != HASH_SIZE:
            raise Rejected("This is no receipt of an event.", code="bad_receipt")
        return cls(event_id, leaf_hash)

    def __str__(self) -> str:
        return f"{self.event_id}.{b64url(self.leaf_hash)}"


def receipt_text(event_id: str, leaf: bytes) -> str:
    """Return the receipt of an event that is being written."""
    return f"{event_id}.{b64url(hash_leaf(leaf))}"


def event_of(receipt: str) -> str:
    """Return the event that a receipt, or an event's bare name as older tokens carry it, is of."""
    return receipt.partition(".")[0]
