"""A page of answers signed ahead: of each only what no one can work out again, the moment and the signature.

All say ``good`` of a certificate of one authority, by a CertID of SHA-1 and without a nonce, as RFC 5019 §2.1.1 has
clients ask. The certificates on a page have the first two digits of their serial numbers in common. An answer takes 97
octets instead of a thousand; what was revoked since it was signed is left to whoever reads the page.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

PREFIX_DIGITS = 2
PREFIXES = tuple(f"{number:02x}" for number in range(256))
_SERIAL, _MOMENT, _LONGEST_SIGNATURE = 20, 4, 72  # ECDSA on P-256 in DER (RFC 3279 §2.2.3)
_RECORD = _SERIAL + _MOMENT + 1 + _LONGEST_SIGNATURE


class SignedAhead(NamedTuple):
    """One answer.

    :ivar this_update: seconds since the Unix epoch.
    """

    serial: int
    this_update: int
    signature: bytes

    @property
    def signed_at(self) -> datetime:
        """Its thisUpdate."""
        return datetime.fromtimestamp(self.this_update, UTC)


class AnswerPage:
    """What stands on a page, as it was stored."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def __len__(self) -> int:
        return len(self.octets) // _RECORD

    def __iter__(self) -> Iterator[SignedAhead]:
        return (self._at(place) for place in range(len(self)))

    def find(self, serial: int) -> SignedAhead | None:
        """Return the answer about the certificate, None if there is none."""
        if serial.bit_length() > 8 * _SERIAL:
            return None
        wanted, octets = serial.to_bytes(_SERIAL, "big"), self.octets
        place = bisect_left(range(len(self)), wanted, key=lambda at: octets[at * _RECORD : at * _RECORD + _SERIAL])
        if place == len(self) or octets[place * _RECORD : place * _RECORD + _SERIAL] != wanted:
            return None
        return self._at(place)

    def _at(self, place: int) -> SignedAhead:
        record = self.octets[place * _RECORD : (place + 1) * _RECORD]
        moment, length = _SERIAL, _SERIAL + _MOMENT
        return SignedAhead(
            int.from_bytes(record[:moment], "big"),
            int.from_bytes(record[moment:length], "big"),
            record[length + 1 : length + 1 + record[length]],
        )


def fits(signature: bytes) -> bool:
    """Tell whether a signature has room on a page: those of the responders' own algorithm have."""
    return len(signature) <= _LONGEST_SIGNATURE


def pack(answers: Iterable[SignedAhead]) -> bytes:
    """Return the octets of a page of these answers."""
    return b"".join(
        answer.serial.to_bytes(_SERIAL, "big")
        + answer.this_update.to_bytes(_MOMENT, "big")
        + bytes((len(answer.signature),))
        + answer.signature.ljust(_LONGEST_SIGNATURE, b"\0")
        for answer in sorted(answers)
    )


def after(prefix: str) -> str:
    """Return what sorts behind every serial number that begins with ``prefix``, in any collation."""
    return f"{int(prefix, 16) + 1:02x}" if prefix != PREFIXES[-1] else "g"
