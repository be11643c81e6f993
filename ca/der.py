"""DER by its lengths alone, for octets that were parsed before: it follows lengths and judges nothing (X.690)."""

from __future__ import annotations

from functools import lru_cache

INTEGER, BIT_STRING, OCTETS, UTC_TIME, GENERALIZED_TIME, SEQUENCE = 0x02, 0x03, 0x04, 0x17, 0x18, 0x30
EXTENSIONS = 0xA3  # of a TBSCertificate: context-specific 3, constructed


def children(der: bytes) -> tuple[bytes, ...]:
    """Return the DER values that stand in a constructed DER value, in order."""
    at, end = _bounds(der, 0)
    found = []
    while at < end:
        length = der[at + 1]
        after = at + 2 + length if length < 0x80 else _bounds(der, at)[1]  # most are short
        found.append(der[at:after])
        at = after
    return tuple(found)


def content(der: bytes) -> bytes:
    """Return the content octets of a DER value."""
    begin, end = _bounds(der, 0)
    return der[begin:end]


def tlv(tag: int, value: bytes) -> bytes:
    """Return a DER value (X.690 §8.1.3: a length under 128 is one octet; else that octet counts those that hold it)."""
    length = len(value)
    if length < 0x80:
        return bytes((tag, length)) + value
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value


def extension_parts(tbs_parts: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], ...]:
    """Return the DER fields of each extension in order: identifier, criticality where it is said, value.

    :param tbs_parts: the fields of a TBSCertificate.
    """
    placed = (part for part in tbs_parts if part[0] == EXTENSIONS)
    return tuple(_fields_of(extension) for part in placed for extension in children(children(part)[0]))


@lru_cache(maxsize=1024)  # most are the same, octet for octet, in every certificate of a profile
def _fields_of(extension: bytes) -> tuple[bytes, ...]:
    return children(extension)


def _bounds(der: bytes, at: int) -> tuple[int, int]:
    # X.690 §8.1.3: a length under 128 is one octet; else that octet counts those that hold it.
    length, begin = der[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + octets], "big"), begin + octets
    return begin, begin + length
